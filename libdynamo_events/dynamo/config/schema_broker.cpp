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

void add_broker_client(std::vector<setting>& to) {
  section broker{to, "zmq.broker.", [](auto& all) -> decltype(auto) {
                   return (all.plane.zmq.broker);
                 }};
  broker.text(
      "url", &broker_client_options::url, 0,
      {"",
       "Brokers that publishers and subscribers connect to, in Dynamo's "
       "form: \"xsub=<endpoint>;...,xpub=<endpoint>;...\". Empty: see "
       "zmq.broker.enabled.",
       {"DYN_ZMQ_BROKER_URL"}});
  broker.boolean(
      "enabled", &broker_client_options::enabled,
      {"",
       "Without a url: connect to the brokers that are registered in "
       "discovery, and to those that come later. False: publishers "
       "and subscribers connect to each other.",
       {"DYN_ZMQ_BROKER_ENABLED"}});
  broker.text("namespace", &broker_client_options::ns, 0,
              {"", "Where those brokers are registered; empty: the "
                   "deployment's namespace."});
  broker.duration("gap_wait_ms", &broker_client_options::gap_wait, {0, 60'000},
                  {"", "How long a message waits for those before it that "
                       "another broker may still bring."});
  broker.duration("hold_ms", &broker_client_options::hold, {0, 60'000},
                  {"",
                   "When all brokers were lost, publishers wait so long for "
                   "subscribers to be back, too."});
  broker.duration("repeat_window_ms", &broker_client_options::repeat_window,
                  {0, 60'000},
                  {"", "What was sent so shortly before all brokers were lost "
                       "is sent again; subscribers drop what they have."});
  broker.duration("offer_interval_ms", &broker_client_options::offer_interval,
                  {1, 60'000},
                  {"", "While nobody is subscribed, a publisher that holds its "
                       "events looks again so often."});
}

} // namespace dynamo
