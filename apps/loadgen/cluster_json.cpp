#include "apps/loadgen/cluster_json.hpp"

#include "apps/app/json_body.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <limits>

namespace dynamo::apps {

namespace {

using nlohmann::json;

constexpr std::uint64_t any_integer = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t rank_max = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t refusal_length_max = 200;

/// The members of an object, of which the first mistake is remembered.
class object_reader {
 public:
  explicit object_reader(const json& object)
      : object_(object) {}

  std::uint64_t integer(std::string_view name,
                        std::uint64_t max = any_integer) {
    return taken(integer_of(object_, name, max));
  }
  std::string text(std::string_view name) {
    return taken(text_of(object_, name));
  }
  bool boolean(std::string_view name, bool otherwise) {
    return taken(boolean_of(object_, name, otherwise));
  }
  double number(std::string_view name) {
    const auto found = object_.is_object() ? object_.find(name) : object_.end();
    if (found == object_.end() || !found->is_number()) {
      fail({errc::invalid, std::string{name} + ": expected a number"});
      return 0;
    }
    return found->get<double>();
  }
  /// Calls `each` with every item of an array.
  template <class Function>
  void items(std::string_view name, Function each) {
    const auto found = object_.is_object() ? object_.find(name) : object_.end();
    if (found == object_.end() || !found->is_array()) {
      fail({errc::invalid, std::string{name} + ": expected an array"});
      return;
    }
    for (const json& item : *found) {
      object_reader reader{item};
      each(reader);
      if (!reader.done()) {
        fail({errc::invalid,
              std::string{name} + ": " + reader.done().error().message});
        return;
      }
    }
  }

  /// Calls `read` with an object.
  template <class Function>
  void object(std::string_view name, Function read) {
    const auto found = object_.is_object() ? object_.find(name) : object_.end();
    if (found == object_.end() || !found->is_object()) {
      fail({errc::invalid, std::string{name} + ": expected an object"});
      return;
    }
    object_reader reader{*found};
    read(reader);
    if (!reader.done()) {
      fail({errc::invalid,
            std::string{name} + ": " + reader.done().error().message});
    }
  }

  /// A text, or nothing when there is none.
  std::string optional_text(std::string_view name) const {
    const auto found = text_of(object_, name);
    return found ? *found : std::string{};
  }
  const status& done() const { return status_; }

 private:
  template <class T>
  T taken(result<T> read) {
    if (read) {
      return *std::move(read);
    }
    fail(std::move(read).error());
    return T{};
  }
  void fail(error reason) {
    if (status_) {
      status_ = std::move(reason);
    }
  }

  const json& object_;
  status status_;
};

/// Parses a text and has `read` make a value of it.
template <class T, class Read>
result<T> from_text(std::string_view text, Read read) {
  const auto body = parse_body(text);
  if (!body) {
    return body.error();
  }
  object_reader reader{*body};
  T value = read(reader);
  if (!reader.done()) {
    return reader.done().error();
  }
  return value;
}

bool takes_requests(std::string_view state) {
  constexpr std::array states{"waiting", "in_sync", "partial"};
  return std::find(states.begin(), states.end(), state) != states.end();
}

std::string text_in(const json& value) {
  return value.is_string()
             ? value.get<std::string>()
             : value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// What {"error": {"code", "message"}} says, or {"error": "..."}.
std::string reason_in(const json& body) {
  const auto failure = body.find("error");
  if (failure == body.end()) {
    return {};
  }
  if (failure->is_object() && failure->contains("message")) {
    return text_in((*failure)["message"]);
  }
  return text_in(*failure);
}

worker_rank rank_of(object_reader& object) {
  worker_rank rank;
  rank.worker_id = object.integer("worker_id");
  rank.dp_rank =
      static_cast<std::uint32_t>(object.integer("dp_rank", rank_max));
  rank.endpoint = object.text("endpoint");
  return rank;
}

line_kind line_kind_of(std::string_view event) {
  if (event == "done") {
    return line_kind::done;
  }
  return event == "output_block" ? line_kind::output_block
                                 : line_kind::first_token;
}

void read_worker(object_reader& worker, cluster_members& to) {
  worker_rank found;
  found.worker_id = worker.integer("worker_id");
  const bool is_there = worker.boolean("discovered", false);
  to.blocks += is_there ? worker.integer("blocks") : 0;
  found.endpoint = worker.optional_text("endpoint");
  if (found.endpoint.empty()) {
    return;
  }
  to.endpoints.push_back(found.endpoint);
  // Those of a pool for prompts alone get requests from routers only.
  if (worker.optional_text("pool") == "prefill" || !is_there ||
      !takes_requests(worker.text("state"))) {
    return;
  }
  bool has_ranks = false;
  worker.items("ranks", [&](object_reader& rank) {
    has_ranks = true;
    found.dp_rank =
        static_cast<std::uint32_t>(rank.integer("dp_rank", rank_max));
    if (rank.boolean("discovered", true)) {
      to.ranks.push_back(found);
    }
  });
  if (!has_ranks) {
    to.ranks.push_back(found);
  }
}

} // namespace

result<cluster_members> members_from_json(std::string_view text) {
  return from_text<cluster_members>(text, [](object_reader& body) {
    cluster_members members;
    body.items("workers", [&members](object_reader& worker) {
      read_worker(worker, members);
    });
    std::sort(members.ranks.begin(), members.ranks.end());
    return members;
  });
}

result<route_answer> choice_from_json(std::string_view text) {
  return from_text<route_answer>(text, [](object_reader& body) {
    route_answer answer;
    answer.worker = rank_of(body);
    if (body.optional_text("mode") == "disaggregated") {
      body.object("prefill", [&answer](object_reader& prefill) {
        answer.prefill = rank_of(prefill);
      });
    }
    return answer;
  });
}

result<std::vector<published_stream>>
published_from_json(std::string_view text) {
  using streams = std::vector<published_stream>;
  return from_text<streams>(text, [](object_reader& body) {
    streams all;
    const std::uint64_t worker_id = body.integer("worker_id");
    body.items("publishers", [&](object_reader& each) {
      published_stream stream;
      stream.scope = each.text("scope");
      stream.topic = each.text("topic");
      stream.publisher_id = each.integer("publisher_id");
      stream.worker_id = worker_id;
      stream.sequence = each.integer("sequence");
      stream.dropped = each.integer("dropped") + each.integer("unheard") +
                       each.integer("refused");
      all.push_back(std::move(stream));
    });
    return all;
  });
}

result<router_streams> received_from_json(std::string_view text) {
  return from_text<router_streams>(text, [](object_reader& body) {
    router_streams view;
    body.items("subscriptions", [&view](object_reader& subscription) {
      const std::string scope = subscription.text("scope");
      const std::string topic = subscription.text("topic");
      view.subscriptions.emplace_back(scope, topic);
      subscription.items("streams", [&](object_reader& each) {
        received_stream stream;
        stream.scope = scope;
        stream.topic = topic;
        stream.publisher_id = each.integer("publisher_id");
        stream.discovered = each.boolean("discovered", false);
        stream.received = each.integer("received");
        stream.missed = each.integer("missed");
        stream.dropped_here = each.integer("dropped_here");
        stream.next_sequence = each.integer("next_sequence");
        view.streams.push_back(std::move(stream));
      });
    });
    return view;
  });
}

result<generate_line> generate_line_from_json(std::string_view text) {
  const auto refusal = parse_body(text);
  if (refusal && refusal->contains("error")) {
    return error{errc::unavailable, reason_in(*refusal)};
  }
  return from_text<generate_line>(text, [](object_reader& body) {
    generate_line read;
    read.kind = line_kind_of(body.text("event"));
    read.worker_id = body.integer("worker_id");
    read.dp_rank =
        static_cast<std::uint32_t>(body.integer("dp_rank", rank_max));
    read.input_blocks = body.integer("input_blocks");
    read.cached_blocks = body.integer("cached_blocks");
    read.time_to_first_token_ms = body.number("time_to_first_token_ms");
    return read;
  });
}

std::string refusal_of(std::string_view text) {
  const auto body = parse_body(text);
  const std::string reason = body ? reason_in(*body) : std::string{};
  return (reason.empty() ? std::string{text} : reason)
      .substr(0, refusal_length_max);
}

} // namespace dynamo::apps
