#include "dynamo/config/schema.hpp"

#include "dynamo/config/schema_section.hpp"

#include <cstdint>
#include <limits>

namespace dynamo {

namespace {

constexpr std::uint64_t count_max = 10'000'000;
constexpr std::uint64_t bytes_max = std::uint64_t{1} << 40;
constexpr std::uint64_t day_ms = 86'400'000;
constexpr std::uint64_t u64_max = std::numeric_limits<std::uint64_t>::max();

void add_top(std::vector<setting>& to) {
  section plane{to, "", [](auto& all) -> auto& {return all.plane;
}
}; // namespace
plane.one_of("event_plane", &plane_options::transport,
             choices<transport_kind>{{"nats", transport_kind::nats},
                                     {"zmq", transport_kind::zmq}},
             {"",
              "What carries the events. Dynamo's user documentation names "
              "nats as the default; this version has zmq.",
              {"DYN_EVENT_PLANE"}});

section part{to, "", [](auto& all) -> auto& {return all.deployment;
} // namespace dynamo
}
;
part.text("namespace", &deployment_options::ns, 1,
          {"", "The deployment's namespace.", {"DYN_NAMESPACE"}});
part.text("component", &deployment_options::component, 1,
          {"", "The component that workers belong to."});
part.text("endpoint", &deployment_options::endpoint, 1,
          {"", "The endpoint that workers serve."});
part.integer("block_size", &deployment_options::block_size, {1, 65'536},
             {"tokens",
              "Tokens per block of the KV cache; the same in every process.",
              {"DYN_KV_CACHE_BLOCK_SIZE"}});
part.boolean("kv_events", &deployment_options::kv_events,
             {"", "Whether workers publish what their caches hold."});
}

void add_zmq(std::vector<setting>& to) {
  section zmq{to, "zmq.", [](auto& all) -> auto& {return all.plane.zmq;
}
}
;
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
zmq.integer("sockets_max", &zmq_options::sockets_max, {1, 65'535},
            {"sockets", "Sockets of the process; libzmq's own 1023 is fewer "
                        "than a large cluster has publishers."});
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
zmq.duration("connect_timeout_ms", &zmq_options::connect_timeout, {10, 600'000},
             {"", "A connection that is not ready by then has failed."});
}

void add_discovery(std::vector<setting>& to) {
  section discovery{to, "discovery.",
                    [](auto& all) -> auto& {return all.plane.discovery;
}
}
;
discovery.one_of(
    "backend", &discovery_options::backend,
    choices<discovery_kind>{{"etcd", discovery_kind::etcd},
                            {"kubernetes", discovery_kind::kubernetes},
                            {"file", discovery_kind::file},
                            {"mem", discovery_kind::memory}},
    {"",
     "Where publishers find each other. Dynamo's default; this version has "
     "file and mem (one process).",
     {"DYN_DISCOVERY_BACKEND"}});

section file{to, "discovery.file.",
             [](auto& all) -> auto& {return all.plane.discovery.file;
}
}
;
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
  section publisher{to, "publisher.",
                    [](auto& all) -> auto& {return all.plane.publisher;
}
}
;
publisher.integer("batch_max", &publisher_options::batch_max, {1, 65'536},
                  {"events", "Events that go to the transport at a time."});
publisher.boolean("hold_without_subscriber",
                  &publisher_options::hold_without_subscriber,
                  {"", "Keep events in the buffer while nobody is "
                       "subscribed, so that the first subscriber gets them."});
publisher.one_of(
    "generation", &publisher_options::generation,
    choices<wire_generation>{{"1.4", wire_generation::v1_4},
                             {"1.3", wire_generation::v1_3}},
    {"", "Which Dynamo reads what is written: \"1.4\" and later, or up to "
         "\"1.3\". Both are understood."});

section buffer{to, "publisher.buffer.",
               [](auto& all) -> auto& {return all.plane.publisher.buffer;
}
}
;
buffer.integer("items_max", &inbox_limits::items_max, {1, count_max},
               {"events", "Events that wait for the transport; the default "
                          "is 10 s of a busy engine."});
buffer.integer("bytes_max", &inbox_limits::bytes_max, {1024, bytes_max},
               {"bytes", "Bytes that wait for the transport."});
buffer.one_of("overflow", &inbox_limits::policy, overflow_policies(),
              {"", "What a full buffer drops. Every loss is counted."});
}

void add_subscriber(std::vector<setting>& to) {
  section subscriber{to, "subscriber.",
                     [](auto& all) -> auto& {return all.plane.subscriber;
}
}
;
subscriber.integer("batch_max", &subscriber_options::batch_max, {1, 65'536},
                   {"messages", "Messages that are handled before other "
                                "actors get their turn."});
subscriber.integer("publishers_max", &subscriber_options::publishers_max,
                   {1, count_max},
                   {"publishers",
                    "Publishers that one subscription follows; more are "
                    "refused and counted."});

section inbox{to, "subscriber.inbox.",
              [](auto& all) -> auto& {return all.plane.subscriber.inbox;
}
}
;
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
  section reconnect{to, "reconnect.",
                    [](auto& all) -> auto& {return all.plane.reconnect.delay;
}
}
;
reconnect.duration("delay_initial_ms", &backoff_limits::initial, {1, 3'600'000},
                   {"", "First delay after a lost or failed connection; it "
                        "doubles with every failure, with jitter."});
reconnect.duration("delay_max_ms", &backoff_limits::max, {1, 3'600'000},
                   {"", "Longest delay; attempts never end."});

section supervisor{to, "supervisor.",
                   [](auto& all) -> auto& {return all.plane.supervisor;
}
}
;
supervisor.integer("restarts_max", &supervisor_options::restarts_max,
                   {0, 10'000},
                   {"restarts", "How often a part that dies is started "
                                "again within the window."});
supervisor.duration("restart_window_ms", &supervisor_options::restart_window,
                    {1, day_ms}, {"", "The window of restarts_max."});
supervisor.duration("restart_delay_ms", &supervisor_options::restart_delay,
                    {0, 60'000}, {"", "Pause before a restart."});

section runtime{to, "runtime.",
                [](auto& all) -> auto& {return all.plane.runtime;
}
}
;
runtime.integer("threads", &runtime_options::threads, {0, 1024},
                {"threads", "Threads that run actors; 0: one per core, at "
                            "least 2."});
runtime.one_of(
    "scheduler", &runtime_options::scheduler,
    choices<std::string>{{"sharing", "sharing"}, {"stealing", "stealing"}},
    {"", "\"sharing\" idles without polling; \"stealing\" is faster only for "
         "traffic that is not batched."});
}

void add_faces(std::vector<setting>& to) {
  section log{to, "log.", [](auto& all) -> auto& {return all.log;
}
}
;
log.one_of("level", &log_options::level,
           choices<std::string>{{"trace", "trace"},
                                {"debug", "debug"},
                                {"info", "info"},
                                {"warn", "warn"},
                                {"error", "error"},
                                {"off", "off"}},
           {"", "The least important messages that are logged, on stderr."});

section http{to, "http.", [](auto& all) -> auto& {return all.http;
}
}
;
http.text("host", &http_options::host, 1,
          {"", "Address of the HTTP face; loopback unless others need it."});
http.integer("port", &http_options::port, {0, 65'535},
             {"", "Port of the HTTP face; 0: the system chooses, and the "
                  "program prints it."});
http.integer("threads", &http_options::threads, {1, 4096},
             {"threads", "Requests and kept connections that are served at "
                         "a time; threads start when needed."});
http.integer("body_bytes_max", &http_options::body_bytes_max,
             {1024, std::uint64_t{1} << 30},
             {"bytes", "A larger request is refused with 413."});
}

void add_worker(std::vector<setting>& to) {
  section worker{to, "worker.", [](auto& all) -> auto& {return all.worker;
}
}
;
worker.integer("worker_id", &worker_options::worker_id, {0, u64_max},
               {"", "The worker's id; 0: random, the process's id in "
                    "discovery."});
worker.integer("dp_ranks", &worker_options::dp_ranks, {1, 1024},
               {"ranks", "Data-parallel ranks, each with its own cache."});
worker.integer("cache_blocks", &worker_options::cache_blocks,
               {1, 1'000'000'000},
               {"blocks", "Blocks of each rank's cache; the figures here are "
                          "those of an 8-GPU node and a 70 B model."});
worker.number("prefill_tokens_per_second",
              &worker_options::prefill_tokens_per_second, {0.001, 1e12},
              {"tokens per simulated second",
               "Prompt tokens that a rank computes."});
worker.number("decode_tokens_per_second",
              &worker_options::decode_tokens_per_second, {0.001, 1e12},
              {"tokens per simulated second", "Output of each request."});
worker.integer("concurrency", &worker_options::concurrency, {1, 65'536},
               {"requests", "Requests that run at a time on a rank."});
worker.integer("queue_max", &worker_options::queue_max, {0, count_max},
               {"requests", "Requests that wait for a rank; more are refused "
                            "with 503."});
worker.number("speedup", &worker_options::speedup, {0.001, 1e6},
              {"", "Simulated seconds per real second."});
worker.duration("load_interval_ms", &worker_options::load_interval,
                {1, 3'600'000},
                {"", "Load is published this often even when it is the "
                     "same."});
worker.duration("heartbeat_ms", &worker_options::heartbeat, {1, 3'600'000},
                {"", "Heartbeat of forward-pass metrics when idle; "
                     "Dynamo's."});
}

void add_router(std::vector<setting>& to) {
  section router{to, "router.", [](auto& all) -> auto& {return all.router;
}
}
;
router.one_of("on_gap", &router_options::on_gap,
              choices<gap_policy>{{"keep", gap_policy::keep},
                                  {"reset", gap_policy::reset}},
              {"", "After lost events: \"keep\" a rank's blocks and mark it "
                   "partial, or \"reset\" them as Dynamo does."});
router.duration("request_ttl_ms", &router_options::request_ttl, {1, day_ms},
                {"",
                 "A request that is never reported as ended is dropped after "
                 "this long; Dynamo's figure.",
                 {"DYN_ROUTER_ACTIVE_REQUEST_EXPIRY_SECS", 1000}});
router.integer("request_blocks_max", &router_options::request_blocks_max,
               {1, count_max},
               {"blocks", "Blocks of one request; more are refused."});

section cost{to, "router.cost.", [](auto& all) -> auto& {return all.router.cost;
}
}
;
constexpr number_range weight{0, 1e6};
cost.number("overlap_score_credit", &cost_options::overlap_score_credit, weight,
            {"",
             "What a block that the device already holds is worth.",
             {"DYN_ROUTER_KV_OVERLAP_SCORE_CREDIT"}});
cost.number("overlap_score_credit_decay",
            &cost_options::overlap_score_credit_decay, weight,
            {"",
             "How fast that credit fades on a rank that is busier than "
             "others; 0: never.",
             {"DYN_ROUTER_KV_OVERLAP_SCORE_CREDIT_DECAY"}});
cost.number("prefill_load_scale", &cost_options::prefill_load_scale, weight,
            {"",
             "Weight of the blocks that must be computed.",
             {"DYN_ROUTER_PREFILL_LOAD_SCALE"}});
cost.number("decode_active_request_weight",
            &cost_options::decode_active_request_weight, weight,
            {"",
             "Weight of each request that runs on a rank.",
             {"DYN_ROUTER_DECODE_ACTIVE_REQUEST_WEIGHT"}});
cost.number("host_cache_hit_weight", &cost_options::host_cache_hit_weight,
            weight,
            {"",
             "Worth of a block in host memory.",
             {"DYN_ROUTER_HOST_CACHE_HIT_WEIGHT"}});
cost.number(
    "disk_cache_hit_weight", &cost_options::disk_cache_hit_weight, weight,
    {"", "Worth of a block on disk.", {"DYN_ROUTER_DISK_CACHE_HIT_WEIGHT"}});
cost.number("temperature", &cost_options::temperature, weight,
            {"",
             "0: always the cheapest rank; the higher, the softer the "
             "choice.",
             {"DYN_ROUTER_TEMPERATURE"}});
}

} // namespace

std::vector<setting> schema() {
  std::vector<setting> all;
  add_top(all);
  add_zmq(all);
  add_discovery(all);
  add_publisher(all);
  add_subscriber(all);
  add_behaviour(all);
  add_faces(all);
  add_worker(all);
  add_router(all);
  return all;
}

} // namespace dynamo
