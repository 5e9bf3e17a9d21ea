#include "apps/app/application.hpp"
#include "apps/events/commands.hpp"
#include "apps/events/event_json.hpp"
#include "apps/events/event_text.hpp"
#include "apps/events/notice_text.hpp"
#include "dynamo/base/ids.hpp"
#include "dynamo/events/topic.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <utility>

namespace dynamo::apps {

namespace {

// Nothing of ours waits to be sent.
constexpr std::chrono::milliseconds flush_none{0};

/// Prints what arrives. Thread-safe: each topic has a subscription of its own.
class tail_printer {
 public:
  tail_printer(application& app, const tail_command& wanted, scope owner)
      : app_(app)
      , wanted_(wanted)
      , owner_(to_string(owner)) {}

  void on_event(const std::string& topic, const actors::received_event& event) {
    if (wanted_.filter.publisher_id &&
        *wanted_.filter.publisher_id != event.publisher_id) {
      return;
    }
    const auto shown = matching(wanted_.filter, event.value);
    if (!shown) {
      return;
    }
    const std::uint64_t number = ++seen_;
    if (wanted_.count != 0 && number > wanted_.count) {
      return;
    }
    if (app_.out().mode() == output_mode::json_lines) {
      app_.out().event("received",
                       {{"scope", owner_},
                        {"topic", topic},
                        {"publisher_id", event.publisher_id},
                        {"sequence", event.sequence},
                        {"published_at_ms", event.published_at_ms},
                        {"value", json_of(*shown)}},
                       "");
    } else {
      print(topic, event, *shown);
    }
    if (number == wanted_.count) {
      app_.request_stop();
    }
  }

  void on_notice(const std::string& topic,
                 const actors::stream_notice& notice) {
    const auto publisher = publisher_of(notice);
    const bool other = publisher && wanted_.filter.publisher_id &&
                       *publisher != *wanted_.filter.publisher_id;
    if (wanted_.quiet || other || complete()) {
      return;
    }
    nlohmann::json fields = json_of(notice);
    fields["scope"] = owner_;
    fields["topic"] = topic;
    const auto now = app_.clock().unix_time().count();
    app_.out().event(name_of(notice), fields,
                     time_of_day(static_cast<std::uint64_t>(now)) + " -- " +
                         topic + ": " + text_of(notice));
  }

  bool complete() const { return wanted_.count != 0 && seen_ >= wanted_.count; }

  /// Whether the events asked for came.
  status outcome() const {
    if (wanted_.count == 0 || complete() || !wanted_.timeout) {
      return ok();
    }
    return error{errc::unavailable,
                 "expected " + counted(wanted_.count, "event") + " within " +
                     std::to_string(wanted_.timeout->count()) + " ms, got " +
                     std::to_string(seen_)};
  }

 private:
  void print(const std::string& topic, const actors::received_event& event,
             const dynamo::event& shown) {
    const std::string head = time_of_day(event.published_at_ms) + " " +
                             id_to_hex(event.publisher_id) + " #" +
                             std::to_string(event.sequence) + " " + topic + " ";
    for (const std::string& line : lines_of(shown)) {
      app_.out().line(head + line);
    }
  }

  application& app_;
  const tail_command& wanted_;
  const std::string owner_;
  std::atomic<std::uint64_t> seen_ = 0;
};

/// `tail kv-events` names a topic, whatever scopes may be called.
tail_command with_topics(tail_command wanted) {
  if (event_kind_of(wanted.scope) != event_kind::raw) {
    wanted.topics.insert(wanted.topics.begin(), wanted.scope);
    wanted.scope.clear();
  }
  if (wanted.topics.empty()) {
    wanted.topics = {std::string{topics::kv_events},
                     std::string{topics::kv_metrics},
                     std::string{topics::forward_pass}};
  }
  return wanted;
}

} // namespace

status run_tail(application& app, const tail_command& given) {
  const tail_command wanted = with_topics(given);
  const auto owner = scope_or_default(wanted.scope, app);
  if (!owner) {
    return error{errc::invalid, "scope: " + owner.error().message};
  }
  tail_printer printer{app, wanted, *owner};
  auto plane = actors::event_plane::start(app.settings().plane, app.log_sink(),
                                          app.stop_check());
  if (!plane) {
    return plane.error();
  }
  if (app.out().mode() == output_mode::json_lines) {
    app.started({{"scope", to_string(*owner)}, {"topics", wanted.topics}});
  }
  for (const std::string& topic : wanted.topics) {
    (*plane)->subscribe(
        *owner, topic,
        {[&printer, topic](const actors::received_event& event) {
           printer.on_event(topic, event);
         },
         [&printer, topic](const actors::stream_notice& notice) {
           printer.on_notice(topic, notice);
         }});
  }
  if (wanted.timeout) {
    app.wait_for_stop(*wanted.timeout);
  } else {
    app.wait_for_stop();
  }
  const bool asked_to_stop = app.stopping() && !printer.complete();
  (*plane)->stop(flush_none);
  return asked_to_stop ? ok() : printer.outcome();
}

} // namespace dynamo::apps
