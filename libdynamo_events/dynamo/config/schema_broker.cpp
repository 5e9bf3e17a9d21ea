#include "dynamo/config/schema_parts.hpp"
#include "dynamo/config/schema_section.hpp"

#include <cstdint>

namespace dynamo {

namespace {

constexpr std::uint64_t count_max = 10'000'000;
constexpr std::uint64_t bytes_max = std::uint64_t{1} << 40;

} // namespace

void add_broker(std::vector<setting>& to) {
  section broker{to, "broker.",
                 [](auto& all) -> decltype(auto) { return (all.broker); }};
  broker.text("xsub_bind", &broker_options::xsub_bind, 1,
              {"",
               "Where dynamo-broker listens for publishers: tcp://, an IP "
               "address or *, and a port or * for one that the system chooses.",
               {"ZMQ_BROKER_XSUB_BIND"}});
  broker.text(
      "xpub_bind", &broker_options::xpub_bind, 1,
      {"", "Where it listens for subscribers.", {"ZMQ_BROKER_XPUB_BIND"}});
  broker.text("namespace", &broker_options::ns, 0,
              {"",
               "The namespace whose processes find it in discovery; empty: the "
               "deployment's.",
               {"ZMQ_BROKER_NAMESPACE"}});
  broker.boolean("registered", &broker_options::registered,
                 {"", "False: it is in no discovery, and found by its address "
                      "alone."});
  broker.integer("queue_items_max", &broker_options::queue_items_max,
                 {1, count_max},
                 {"messages", "Kept for each subscriber; as zmq.send_hwm."});
  broker.integer("queue_bytes_max", &broker_options::queue_bytes_max,
                 {1024, bytes_max}, {"bytes", "Kept for each subscriber."});
  broker.duration("wait_max_ms", &broker_options::wait_max, {0, 60'000},
                  {"", "A subscriber whose queue is full holds all messages "
                       "for so long, and then misses some; 0: at once."});
  broker.integer("subscribers_max", &broker_options::subscribers_max,
                 {1, 65'535},
                 {"connections", "Subscribers at a time; more are closed."});
  broker.integer("subscriptions_max", &broker_options::subscriptions_max,
                 {1, 1'000'000},
                 {"prefixes", "Of each subscriber; one that wants more is "
                              "disconnected."});
  broker.duration("handshake_timeout_ms", &broker_options::handshake_timeout,
                  {10, 600'000},
                  {"", "Who has connected must say by then that it is a "
                       "subscriber."});
}

} // namespace dynamo
