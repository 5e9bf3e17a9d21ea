#include "apps/app/application.hpp"
#include "apps/events/commands.hpp"
#include "apps/events/event_json.hpp"
#include "apps/events/event_text.hpp"
#include "apps/events/input.hpp"
#include "apps/events/json_node.hpp"
#include "dynamo/events/sequence.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <unistd.h>
#include <utility>

namespace dynamo::apps {

namespace {

constexpr std::chrono::milliseconds listener_interval{10};
constexpr std::chrono::milliseconds flush_max{1000};
constexpr std::size_t ranks_max = 256;

error interrupted() {
  return {errc::closed, "stopped before everything was published"};
}

/// The publishers of this run: one for each rank whose kv-events it speaks of,
/// since a router binds a publisher to one rank; else one.
class publish_run {
 public:
  publish_run(application& app, actors::event_plane& plane,
              const publish_command& wanted, scope owner)
      : app_(app)
      , plane_(plane)
      , wanted_(wanted)
      , owner_(std::move(owner)) {}

  status publish(const event& value) {
    const auto* changes = std::get_if<kv_events>(&value);
    if (changes == nullptr) {
      return publish_as({}, value);
    }
    std::map<worker_rank, kv_events> by_rank;
    for (const router_event& each : *changes) {
      by_rank[{each.worker_id, each.event.dp_rank}].push_back(each);
    }
    for (auto& [rank, events] : by_rank) {
      const status done = publish_as(rank, std::move(events));
      if (!done) {
        return done;
      }
    }
    return ok();
  }

  /// Waits until the transport has everything, and says what became of it.
  status finish() {
    actors::publisher_status totals;
    const status sent = wait("everything is sent", [&] {
      totals = {};
      bool idle = true;
      for (const auto& each : plane_.report().publishers) {
        totals.sent += each.sent;
        totals.unheard += each.unheard;
        totals.refused += each.refused;
        idle = idle && each.waiting == 0 &&
               each.sent + each.unheard + each.refused + each.dropped >=
                   each.sequence;
      }
      const std::uint64_t messages =
          totals.sent + totals.unheard + totals.refused;
      return idle && (messages > 0 || published_ == 0);
    });
    app_.out().event("published",
                     {{"topic", wanted_.topic},
                      {"scope", to_string(owner_)},
                      {"events", published_},
                      {"sent", totals.sent},
                      {"unheard", totals.unheard},
                      {"refused", totals.refused}},
                     "published " + counted(published_, "event") + " on " +
                         wanted_.topic + ": " +
                         counted(totals.sent, "message") + " sent, " +
                         std::to_string(totals.unheard) + " heard by nobody, " +
                         std::to_string(totals.refused) + " refused");
    if (sent && totals.refused > 0) {
      return error{errc::unavailable, "the transport refused " +
                                          counted(totals.refused, "message")};
    }
    return sent;
  }

 private:
  status publish_as(std::optional<worker_rank> rank, const event& value) {
    const auto to = publisher_of(rank);
    if (!to) {
      return to.error();
    }
    actors::publisher_handle handle = *to;
    const inbox_limits& limits = app_.settings().plane.publisher.buffer;
    // What the buffer refuses is lost with a number of its own, so there has to
    // be room before.
    const status room = wait("there is room in the buffer", [&] {
      const inbox_counts now = handle.buffered();
      return now.depth == 0 ||
             (now.depth < limits.items_max / 2 &&
              now.bytes + size_bytes(value) <= limits.bytes_max / 2);
    });
    if (!room) {
      return room;
    }
    if (!handle.publish(value)) {
      return error{errc::too_large, "the event is larger than the buffer"};
    }
    ++published_;
    return ok();
  }

  result<actors::publisher_handle>
  publisher_of(const std::optional<worker_rank>& rank) {
    const auto at = publishers_.find(rank);
    if (at != publishers_.end()) {
      return at->second;
    }
    if (publishers_.size() == ranks_max) {
      return error{errc::too_large, "expected events of at most " +
                                        std::to_string(ranks_max) + " ranks"};
    }
    actors::publisher_request request{owner_, wanted_.topic, {}, {}};
    if (rank) {
      request.source =
          kv_source_metadata{owner_, rank->worker_id, rank->dp_rank, 0};
    }
    publisher_options buffered = app_.settings().plane.publisher;
    buffered.buffer.policy = overflow_policy::drop_newest;
    buffered.hold_without_subscriber = wanted_.wait_subscribers > 0;
    request.options = buffered;
    const auto made =
        publishers_.emplace(rank, plane_.advertise(request)).first;
    const status ready =
        wait(wanted_.wait_subscribers == 0
                 ? std::string{"the publisher is registered"}
                 : counted(wanted_.wait_subscribers, "subscriber") + " of " +
                       wanted_.topic + " in " + to_string(owner_) + " came",
             [this] { return all_ready(); });
    if (!ready) {
      return ready.error();
    }
    return made->second;
  }

  bool all_ready() const {
    const auto now = plane_.report().publishers;
    const auto ready = [this](const actors::publisher_status& each) {
      return each.advertised && (!each.subscribers ||
                                 *each.subscribers >= wanted_.wait_subscribers);
    };
    return now.size() == publishers_.size() &&
           std::all_of(now.begin(), now.end(), ready);
  }

  template <class Done>
  status wait(const std::string& until, Done done) const {
    const auto deadline = app_.clock().now() + wanted_.timeout;
    while (!done()) {
      if (app_.clock().now() >= deadline) {
        return error{errc::unavailable,
                     "waited " + std::to_string(wanted_.timeout.count()) +
                         " ms in vain until " + until};
      }
      if (app_.wait_for_stop(listener_interval)) {
        return interrupted();
      }
    }
    return ok();
  }

  application& app_;
  actors::event_plane& plane_;
  const publish_command& wanted_;
  const scope owner_;
  std::map<std::optional<worker_rank>, actors::publisher_handle> publishers_;
  std::uint64_t published_ = 0;
};

result<event> read_event(const std::string& text, const std::string& topic) {
  const auto document = parse_json(text);
  if (!document) {
    return document.error();
  }
  return event_from(*document, event_kind_of(topic));
}

status publish_text(publish_run& run, const publish_command& wanted,
                    const std::string& text) {
  const auto value = read_event(text, wanted.topic);
  if (!value) {
    return value.error();
  }
  for (std::uint64_t i = 0; i < wanted.repeat; ++i) {
    const status done = run.publish(*value);
    if (!done) {
      return done;
    }
  }
  return ok();
}

status publish_lines(application& app, publish_run& run,
                     const publish_command& wanted) {
  input lines{STDIN_FILENO, [&app] { return app.stopping(); }};
  for (std::uint64_t number = 1;; ++number) {
    const auto line = lines.line();
    if (!line) {
      return line.error();
    }
    if (!*line) {
      return ok();
    }
    if ((*line)->find_first_not_of(" \t\r") == std::string::npos) {
      continue;
    }
    const status done = publish_text(run, wanted, **line);
    if (!done) {
      return error{done.error().code, "line " + std::to_string(number) + ": " +
                                          done.error().message};
    }
  }
}

} // namespace

status run_publish(application& app, const publish_command& wanted) {
  const auto owner = scope_or_default(wanted.scope, app);
  if (!owner) {
    return error{errc::invalid, "scope: " + owner.error().message};
  }
  const bool one = wanted.json != "-";
  if (one) {
    // A mistake is worth knowing before anybody is waited for.
    const auto value = read_event(wanted.json, wanted.topic);
    if (!value) {
      return value.error();
    }
  }
  auto plane = actors::event_plane::start(app.settings().plane, app.log_sink(),
                                          app.stop_check());
  if (!plane) {
    return plane.error();
  }
  publish_run run{app, **plane, wanted, *owner};
  const status done = one ? publish_text(run, wanted, wanted.json)
                          : publish_lines(app, run, wanted);
  const status finished = done ? run.finish() : done;
  (*plane)->stop(flush_max);
  return finished;
}

} // namespace dynamo::apps
