#include "apps/events/notice_text.hpp"

#include "apps/events/event_text.hpp"
#include "dynamo/base/ids.hpp"

#include <nlohmann/json.hpp>

namespace dynamo::apps {

namespace {

using namespace actors;
using nlohmann::json;

std::string named(std::uint64_t id) {
  return "publisher " + id_to_hex(id);
}

struct name {
  std::string_view operator()(const publisher_joined&) const {
    return "publisher_joined";
  }
  std::string_view operator()(const publisher_left&) const {
    return "publisher_left";
  }
  std::string_view operator()(const stream_gap&) const { return "stream_gap"; }
  std::string_view operator()(const stream_duplicate&) const {
    return "stream_duplicate";
  }
  std::string_view operator()(const stream_restarted&) const {
    return "stream_restarted";
  }
  std::string_view operator()(const stream_unreadable&) const {
    return "stream_unreadable";
  }
  std::string_view operator()(const stream_connection&) const {
    return "connection";
  }
  std::string_view operator()(const discovery_stale&) const {
    return "discovery_stale";
  }
};

struct words {
  std::string operator()(const publisher_joined& fact) const {
    return named(fact.publisher_id) + " found at " + printable(fact.endpoint);
  }
  std::string operator()(const publisher_left& fact) const {
    return named(fact.publisher_id) + " left";
  }
  std::string operator()(const stream_gap& fact) const {
    std::string text = named(fact.publisher_id) + ": " +
                       counted(fact.missed, "event") + " missing";
    if (fact.dropped_here > 0) {
      text += ", " + std::to_string(fact.dropped_here) + " dropped here";
    }
    return text;
  }
  std::string operator()(const stream_duplicate& fact) const {
    return named(fact.publisher_id) + ": #" + std::to_string(fact.sequence) +
           " came twice";
  }
  std::string operator()(const stream_restarted& fact) const {
    return named(fact.publisher_id) + " began again at 0";
  }
  std::string operator()(const stream_unreadable& fact) const {
    return named(fact.publisher_id) + ": #" + std::to_string(fact.sequence) +
           " cannot be read: " + printable(dynamo::to_string(fact.reason), 256);
  }
  std::string operator()(const stream_connection& fact) const {
    return named(fact.publisher_id) + ": connection " +
           std::string{to_string(fact.state)} +
           (fact.reason.empty() ? "" : ": " + printable(fact.reason, 256));
  }
  std::string operator()(const discovery_stale& fact) const {
    return fact.stale
               ? "discovery cannot be seen: " + printable(fact.reason, 256)
               : std::string{"discovery is in sync"};
  }
};

struct members {
  json operator()(const publisher_joined& fact) const {
    return {{"publisher_id", fact.publisher_id}, {"endpoint", fact.endpoint}};
  }
  json operator()(const publisher_left& fact) const {
    return {{"publisher_id", fact.publisher_id}};
  }
  json operator()(const stream_gap& fact) const {
    return {{"publisher_id", fact.publisher_id},
            {"missed", fact.missed},
            {"dropped_here", fact.dropped_here}};
  }
  json operator()(const stream_duplicate& fact) const {
    return {{"publisher_id", fact.publisher_id}, {"sequence", fact.sequence}};
  }
  json operator()(const stream_restarted& fact) const {
    return {{"publisher_id", fact.publisher_id}};
  }
  json operator()(const stream_unreadable& fact) const {
    return {{"publisher_id", fact.publisher_id},
            {"sequence", fact.sequence},
            {"reason", dynamo::to_string(fact.reason)}};
  }
  json operator()(const stream_connection& fact) const {
    return {{"publisher_id", fact.publisher_id},
            {"state", to_string(fact.state)},
            {"reason", fact.reason}};
  }
  json operator()(const discovery_stale& fact) const {
    return {{"stale", fact.stale}, {"reason", fact.reason}};
  }
};

} // namespace

std::string_view name_of(const actors::stream_notice& notice) {
  return std::visit(name{}, notice);
}

std::string text_of(const actors::stream_notice& notice) {
  return std::visit(words{}, notice);
}

nlohmann::json json_of(const actors::stream_notice& notice) {
  return std::visit(members{}, notice);
}

std::optional<std::uint64_t> publisher_of(const actors::stream_notice& notice) {
  return std::visit(
      [](const auto& fact) -> std::optional<std::uint64_t> {
        if constexpr (requires { fact.publisher_id; }) {
          return fact.publisher_id;
        } else {
          return std::nullopt;
        }
      },
      notice);
}

} // namespace dynamo::apps
