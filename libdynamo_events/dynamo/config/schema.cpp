#include "dynamo/config/schema.hpp"

#include "dynamo/config/schema_parts.hpp"
#include "dynamo/config/schema_section.hpp"

#include <cstdint>
#include <limits>

namespace dynamo {

namespace {

constexpr std::uint64_t count_max = 10'000'000;
constexpr std::uint64_t u64_max = std::numeric_limits<std::uint64_t>::max();

void add_top(std::vector<setting>& to) {
  section plane{to, "",
                [](auto& all) -> decltype(auto) { return (all.plane); }};
  plane.one_of("event_plane", &plane_options::transport,
               choices<transport_kind>{{"nats", transport_kind::nats},
                                       {"zmq", transport_kind::zmq}},
               {"",
                "What carries the events: nats, through servers that "
                "nats.servers names, or zmq, directly from process to process. "
                "Dynamo's user documentation names nats as the default.",
                {"DYN_EVENT_PLANE"}});

  section published{to, "", [](auto& all) -> decltype(auto) {
                      return (all.plane.publisher);
                    }};
  published.one_of(
      "wire_version", &publisher_options::generation,
      choices<wire_generation>{{"1.4", wire_generation::v1_4},
                               {"1.3", wire_generation::v1_3}},
      {"", "Which Dynamo can read what this process publishes and registers: "
           "\"1.4\" and later, or up to \"1.3\". Both are read at once."});

  section part{to, "",
               [](auto& all) -> decltype(auto) { return (all.deployment); }};
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
               {"",
                "Whether workers publish what their caches hold, and "
                "routers follow it. With false a router subscribes to "
                "nothing and needs no server for events.",
                {"DYN_ROUTER_USE_KV_EVENTS"},
                secrecy::none,
                {"DYN_USE_KV_EVENTS"}});
}

void add_faces(std::vector<setting>& to) {
  section log{to, "log.",
              [](auto& all) -> decltype(auto) { return (all.log); }};
  log.one_of("level", &log_options::level,
             choices<std::string>{{"trace", "trace"},
                                  {"debug", "debug"},
                                  {"info", "info"},
                                  {"warn", "warn"},
                                  {"error", "error"},
                                  {"off", "off"}},
             {"", "The least important messages that are logged, on stderr."});

  section http{to, "http.",
               [](auto& all) -> decltype(auto) { return (all.http); }};
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
  section worker{to, "worker.",
                 [](auto& all) -> decltype(auto) { return (all.worker); }};
  worker.integer("worker_id", &worker_options::worker_id, {0, u64_max},
                 {"", "The worker's id; 0: random, the process's id in "
                      "discovery."});
  worker.integer("dp_ranks", &worker_options::dp_ranks, {1, 1024},
                 {"ranks", "Data-parallel ranks, each with its own cache."});
  worker.integer("cache_blocks", &worker_options::cache_blocks,
                 {1, 1'000'000'000},
                 {"blocks", "Blocks of each rank's cache; the figures here are "
                            "those of an 8-GPU node and a 70 B model."});
  worker.number(
      "prefill_tokens_per_second", &worker_options::prefill_tokens_per_second,
      {0.001, 1e12},
      {"tokens per simulated second", "Prompt tokens that a rank computes."});
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
  worker.text("taints", &worker_options::taints, 0,
              {"", "Words, with commas between them, that the worker's model "
                   "card holds for requests that want or avoid them."});
}

} // namespace

std::vector<setting> schema() {
  std::vector<setting> all;
  add_top(all);
  add_plane(all);
  add_faces(all);
  add_worker(all);
  add_router(all);
  add_router_index(all);
  add_router_load(all);
  add_broker(all);
  return all;
}

} // namespace dynamo
