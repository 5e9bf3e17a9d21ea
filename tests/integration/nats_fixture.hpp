#pragma once

#include "dynamo/transport/nats_link.hpp"
#include "dynamo/wire/envelope_codec.hpp"

#include <nats/nats.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "nats_server.hpp"

// Both ends of a NATS connection on loopback: our link, and a bare cnats client
// that sees what a subscriber of another make would see.

namespace dynamo::nats_test {

inline const std::string subject = "namespace.d.kv-events";

inline std::shared_ptr<const stream_name> kv_events() {
  return std::make_shared<const stream_name>(stream_name{"kv-events", subject});
}

inline wire_message message(std::uint64_t sequence,
                            const std::string& payload = "payload",
                            const std::string& topic = "kv-events",
                            std::uint64_t publisher_id = 7) {
  wire_message made{kv_events(), publisher_id, sequence, {}};
  REQUIRE(encode_envelope({publisher_id, sequence, 1, topic, bytes_of(payload)},
                          made.envelope));
  return made;
}

inline std::vector<wire_message> messages(std::uint64_t first,
                                          std::uint64_t count) {
  std::vector<wire_message> made;
  for (std::uint64_t at = 0; at < count; ++at) {
    made.push_back(message(first + at));
  }
  return made;
}

/// Options for tests: known servers, short times.
inline nats_options quick(const std::string& servers) {
  nats_options options;
  options.servers = servers;
  options.randomize = false;
  options.connect_timeout = 1000ms;
  options.stale_after = 2000ms;
  return options;
}

/// A link and all that it reports.
struct station {
  std::shared_ptr<link_inbox> reports;
  std::vector<link_change> changes;
  std::vector<link_outcome> outcomes;
  std::shared_ptr<message_inbox> received =
      std::make_shared<message_inbox>(inbox_limits{});
  std::unique_ptr<shared_link> link;

  explicit station(const nats_options& options, inbox_limits limits = {})
      : reports(std::make_shared<link_inbox>(limits)) {
    auto made = make_nats_link(options);
    REQUIRE(made);
    link = *std::move(made);
    link->report_to(reports, [] {});
  }

  void read_reports() {
    std::vector<inbox_item<link_report>> items;
    reports->drain(items, 1000);
    for (auto& item : items) {
      if (auto* change = std::get_if<link_change>(&item.value)) {
        changes.push_back(std::move(*change));
      } else {
        outcomes.push_back(std::get<link_outcome>(item.value));
      }
    }
  }

  /// Waits for the next change.
  link_change change() {
    REQUIRE(eventually([&] {
      read_reports();
      return !changes.empty();
    }));
    link_change first = std::move(changes.front());
    changes.erase(changes.begin());
    return first;
  }

  /// Waits for the next outcome.
  link_outcome outcome() {
    REQUIRE(eventually([&] {
      read_reports();
      return !outcomes.empty();
    }));
    const link_outcome first = outcomes.front();
    outcomes.erase(outcomes.begin());
    return first;
  }

  link_change connect() {
    link->connect();
    return change();
  }

  void must_connect() {
    const link_change made = connect();
    INFO(made.reason);
    REQUIRE(made.state == link_state::connected);
  }

  void subscribe(subscription_id id = 1) {
    REQUIRE(link->subscribe({id, kv_events(), received, [] {}}));
  }

  void publish(std::uint64_t number, std::vector<wire_message> content,
               std::uint64_t epoch = 1, bool is_urgent = true,
               std::uint64_t publisher_id = 7) {
    link->publish(
        {publisher_id,
         number,
         epoch,
         std::make_shared<const std::vector<wire_message>>(std::move(content)),
         is_urgent,
         {}});
  }

  /// Waits for so many messages.
  std::vector<wire_message> take(std::size_t count) {
    std::vector<inbox_item<wire_message>> items;
    CHECK(eventually([&] {
      received->drain(items, 1'000'000);
      return items.size() >= count;
    }));
    std::vector<wire_message> taken;
    for (auto& item : items) {
      taken.push_back(std::move(item.value));
    }
    return taken;
  }
};

/// A client that is not ours.
struct bare_client {
  struct seen {
    std::string subject;
    std::string body;
    std::string reply;
  };

  natsConnection* connection = nullptr;
  natsSubscription* subscription = nullptr;

  explicit bare_client(const std::string& url) {
    REQUIRE(natsConnection_ConnectTo(&connection, url.c_str()) == NATS_OK);
  }
  ~bare_client() {
    natsSubscription_Destroy(subscription);
    natsConnection_Destroy(connection);
  }
  bare_client(const bare_client&) = delete;
  bare_client& operator=(const bare_client&) = delete;

  void subscribe(const std::string& to) {
    REQUIRE(natsConnection_SubscribeSync(&subscription, connection,
                                         to.c_str()) == NATS_OK);
    REQUIRE(natsConnection_Flush(connection) == NATS_OK);
  }

  seen next() {
    natsMsg* taken = nullptr;
    REQUIRE(natsSubscription_NextMsg(&taken, subscription, 5000) == NATS_OK);
    const char* reply = natsMsg_GetReply(taken);
    seen one{natsMsg_GetSubject(taken),
             {natsMsg_GetData(taken),
              static_cast<std::size_t>(natsMsg_GetDataLength(taken))},
             reply == nullptr ? "" : reply};
    natsMsg_Destroy(taken);
    return one;
  }

  void publish(const std::string& to, const std::string& body) {
    REQUIRE(natsConnection_Publish(connection, to.c_str(), body.data(),
                                   static_cast<int>(body.size())) == NATS_OK);
    REQUIRE(natsConnection_Flush(connection) == NATS_OK);
  }
};

inline std::string text_of_envelope(const wire_message& of) {
  return std::string{text_of(of.envelope)};
}

} // namespace dynamo::nats_test
