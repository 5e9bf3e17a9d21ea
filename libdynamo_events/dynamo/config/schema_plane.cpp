#include "dynamo/config/schema_parts.hpp"
#include "dynamo/config/schema_section.hpp"

#include <cstdint>

namespace dynamo {

namespace {

constexpr std::uint64_t count_max = 10'000'000;
constexpr std::uint64_t bytes_max = std::uint64_t{1} << 40;
constexpr std::uint64_t day_ms = 86'400'000;

void add_zmq(std::vector<setting>& to) {
  section zmq{to, "zmq.",
              [](auto& all) -> decltype(auto) { return (all.plane.zmq); }};
  zmq.text("host", &zmq_options::host, 0,
           {"",
            "IP address or network interface that publishers advertise; empty: "
            "the first that is not loopback, IPv4 preferred.",
            {"DYN_EVENT_PLANE_HOST"}});
  zmq.text("bind", &zmq_options::bind, 1,
           {"", "Address that publishers bind; \"*\" is every interface, as "
                "Dynamo does it."});
  zmq.integer("port_first", &zmq_options::port_first, {0, 65'535},
              {"", "First port that a publisher may bind; 0: the system "
                   "chooses. Firewalls need a range."});
  zmq.integer("port_last", &zmq_options::port_last, {0, 65'535},
              {"", "Last port that a publisher may bind."});
  zmq.integer("io_threads", &zmq_options::io_threads, {1, 1024},
              {"threads",
               "I/O threads of the process. Dynamo has 4; one moves a million "
               "small messages a second.",
               {"DYN_ZMQ_IO_THREADS"}});
  zmq.integer(
      "sockets_max", &zmq_options::sockets_max, {1, 65'535},
      {"sockets",
       "Sockets of the process, three for each publisher that is followed; "
       "libzmq's own 1023 is fewer than a large cluster needs."});
  zmq.integer("send_hwm", &zmq_options::send_hwm, {1, count_max},
              {"messages", "Kept for each slow subscriber before a publisher's "
                           "socket drops; Dynamo's figure."});
  zmq.integer("receive_hwm", &zmq_options::receive_hwm, {1, count_max},
              {"messages", "Kept for each publisher in a subscriber's socket; "
                           "Dynamo's figure."});
  zmq.integer("endpoints_per_socket", &zmq_options::endpoints_per_socket,
              {1, 65'536},
              {"endpoints",
               "Publishers that share a subscriber's socket. With 1 none can "
               "speak in another's name.",
               {"DYN_ROUTER_ZMQ_ENDPOINTS_PER_SUB"}});
  zmq.integer("message_bytes_max", &zmq_options::message_bytes_max,
              {1024, 0x7fffffff},
              {"bytes", "A larger message closes its connection; nothing of "
                        "ours comes near."});
  zmq.duration("linger_ms", &zmq_options::linger, {0, 60'000},
               {"", "How long unsent messages are kept when a socket closes."});
  zmq.duration("connect_timeout_ms", &zmq_options::connect_timeout,
               {10, 600'000},
               {"", "A connection that is not ready by then has failed."});
  add_broker_client(to);
}

void add_discovery(std::vector<setting>& to) {
  section discovery{to, "discovery.", [](auto& all) -> decltype(auto) {
                      return (all.plane.discovery);
                    }};
  discovery.one_of(
      "backend", &discovery_options::backend,
      choices<discovery_kind>{{"etcd", discovery_kind::etcd},
                              {"kubernetes", discovery_kind::kubernetes},
                              {"file", discovery_kind::file},
                              {"mem", discovery_kind::memory}},
      {"",
       "Where publishers find each other: etcd, Dynamo's default, the API "
       "server of Kubernetes, a directory, or this process alone.",
       {"DYN_DISCOVERY_BACKEND"}});

  add_etcd(to);
  add_kubernetes(to);

  section file{to, "discovery.file.", [](auto& all) -> decltype(auto) {
                 return (all.plane.discovery.file);
               }};
  file.text("root", &file_discovery_options::root, 0,
            {"",
             "Directory of the records, shared by all processes; empty: "
             "dynamo_store_kv in $TMPDIR or /tmp.",
             {"DYN_FILE_KV"}});
  file.duration("rescan_ms", &file_discovery_options::rescan, {10, 3'600'000},
                {"", "How often a full scan repairs missed notices."});
  file.integer("record_bytes_max", &file_discovery_options::record_bytes_max,
               {256, std::uint64_t{1} << 30},
               {"bytes", "A larger record is skipped. Dynamo's are below 2 "
                         "KiB, model cards larger."});
}

choices<overflow_policy> overflow_policies() {
  return {{"drop_newest", overflow_policy::drop_newest},
          {"drop_oldest", overflow_policy::drop_oldest}};
}

void add_publisher(std::vector<setting>& to) {
  section publisher{to, "publisher.", [](auto& all) -> decltype(auto) {
                      return (all.plane.publisher);
                    }};
  publisher.integer("batch_max", &publisher_options::batch_max, {1, 65'536},
                    {"events", "Events that go to the transport at a time."});
  publisher.boolean(
      "hold_without_subscriber", &publisher_options::hold_without_subscriber,
      {"", "Keep events in the buffer while nobody is "
           "subscribed, so that the first subscriber gets them."});

  section buffer{to, "publisher.buffer.", [](auto& all) -> decltype(auto) {
                   return (all.plane.publisher.buffer);
                 }};
  buffer.integer("items_max", &inbox_limits::items_max, {1, count_max},
                 {"events", "Events that wait for the transport; the default "
                            "is 10 s of a busy engine."});
  buffer.integer("bytes_max", &inbox_limits::bytes_max, {1024, bytes_max},
                 {"bytes", "Bytes that wait for the transport."});
  buffer.one_of("overflow", &inbox_limits::policy, overflow_policies(),
                {"", "What a full buffer drops. Every loss is counted."});
}

void add_subscriber(std::vector<setting>& to) {
  section subscriber{to, "subscriber.", [](auto& all) -> decltype(auto) {
                       return (all.plane.subscriber);
                     }};
  subscriber.integer("batch_max", &subscriber_options::batch_max, {1, 65'536},
                     {"messages", "Messages that are handled before other "
                                  "actors get their turn."});
  subscriber.integer(
      "publishers_max", &subscriber_options::publishers_max, {1, count_max},
      {"publishers", "Publishers that one subscription follows; more are "
                     "refused and counted."});
  subscriber.one_of(
      "bad_events", &subscriber_options::bad_events,
      choices<bad_event_policy>{
          {"skip_event", bad_event_policy::skip_event},
          {"drop_message", bad_event_policy::drop_message}},
      {"", "An event that cannot be read: \"skip_event\" alone, or "
           "\"drop_message\" with all that came with it as Dynamo does."});

  section inbox{to, "subscriber.inbox.", [](auto& all) -> decltype(auto) {
                  return (all.plane.subscriber.inbox);
                }};
  inbox.integer("items_max", &inbox_limits::items_max, {1, count_max},
                {"messages",
                 "Messages that wait for the subscriber; Dynamo's figure.",
                 {"DYN_ZMQ_EVENT_SUBSCRIBER_CHANNEL_CAPACITY", 1,
                  environment_variable::bad_value::ignore}});
  inbox.integer("bytes_max", &inbox_limits::bytes_max, {1024, bytes_max},
                {"bytes", "Bytes that wait for the subscriber."});
  inbox.one_of("overflow", &inbox_limits::policy, overflow_policies(),
               {"", "What a full inbox drops. Every loss is counted."});
}

void add_behaviour(std::vector<setting>& to) {
  section reconnect{to, "reconnect.", [](auto& all) -> decltype(auto) {
                      return (all.plane.reconnect.delay);
                    }};
  reconnect.duration("delay_initial_ms", &backoff_limits::initial,
                     {1, 3'600'000},
                     {"", "First delay after a lost or failed connection; it "
                          "doubles with every failure, with jitter."});
  reconnect.duration("delay_max_ms", &backoff_limits::max, {1, 3'600'000},
                     {"", "Longest delay."});

  section attempts{to, "reconnect.", [](auto& all) -> decltype(auto) {
                     return (all.plane.reconnect);
                   }};
  attempts.integer(
      "attempts_max", &reconnect_options::attempts_max, {0, 1'000'000},
      {"attempts",
       "Attempts at a NATS connection that may fail one after the other "
       "before the process gives up; 0: it never does. Peers of direct ZMQ "
       "are retried for ever."});

  section supervisor{to, "supervisor.", [](auto& all) -> decltype(auto) {
                       return (all.plane.supervisor);
                     }};
  supervisor.integer("restarts_max", &supervisor_options::restarts_max,
                     {0, 10'000},
                     {"restarts", "How often a part that dies is started "
                                  "again within the window."});
  supervisor.duration("restart_window_ms", &supervisor_options::restart_window,
                      {1, day_ms}, {"", "The window of restarts_max."});
  supervisor.duration("restart_delay_ms", &supervisor_options::restart_delay,
                      {0, 60'000}, {"", "Pause before a restart."});

  section runtime{to, "runtime.", [](auto& all) -> decltype(auto) {
                    return (all.plane.runtime);
                  }};
  runtime.integer("threads", &runtime_options::threads, {0, 1024},
                  {"threads", "Threads that run actors; 0: one per core, at "
                              "least 2."});
  runtime.one_of(
      "scheduler", &runtime_options::scheduler,
      choices<std::string>{{"sharing", "sharing"}, {"stealing", "stealing"}},
      {"", "\"sharing\" idles without polling; \"stealing\" is faster only for "
           "traffic that is not batched."});
}

} // namespace

void add_plane(std::vector<setting>& to) {
  add_zmq(to);
  add_nats(to);
  add_discovery(to);
  add_publisher(to);
  add_subscriber(to);
  add_behaviour(to);
}

} // namespace dynamo
