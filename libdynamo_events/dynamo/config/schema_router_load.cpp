#include "dynamo/config/schema_parts.hpp"
#include "dynamo/config/schema_section.hpp"

#include <cstdint>

namespace dynamo {

namespace {

constexpr std::uint64_t count_max = 10'000'000;
constexpr std::uint64_t blocks_limit = 1'000'000'000;
constexpr std::uint64_t hour_ms = 3'600'000;
constexpr std::uint64_t day_ms = 86'400'000;
constexpr number_range fraction{0, 1};
/// Of max_num_batched_tokens; a queue may be many batches long.
constexpr number_range batches{0, 1e6};

void add_active(std::vector<setting>& to) {
  section active{to, "router.active.", [](auto& all) -> decltype(auto) {
                   return (all.router.active);
                 }};
  active.integer("requests_max", &active_limits::requests_max, {1, count_max},
                 {"requests",
                  "Requests in progress that are remembered; beyond them the "
                  "oldest are forgotten and counted."});
  active.integer(
      "blocks_max", &active_limits::blocks_max, {1, blocks_limit},
      {"blocks", "Blocks of these requests, shared ones counted each time."});
}

void add_tracking(std::vector<setting>& to) {
  section tracking{to, "router.tracking.", [](auto& all) -> decltype(auto) {
                     return (all.router.tracking);
                   }};
  tracking.boolean("active_blocks", &tracking_options::active_blocks,
                   {"",
                    "Whether the prompt blocks of requests in progress count "
                    "as load.",
                    {"DYN_ROUTER_TRACK_ACTIVE_BLOCKS"}});
  tracking.boolean("output_blocks", &tracking_options::output_blocks,
                   {"",
                    "Whether the blocks that they generate do, too.",
                    {"DYN_ROUTER_TRACK_OUTPUT_BLOCKS"}});
  tracking.boolean("prefill_tokens", &tracking_options::prefill_tokens,
                   {"",
                    "Whether prompt tokens that wait to be computed do.",
                    {"DYN_ROUTER_TRACK_PREFILL_TOKENS"}});
  tracking.boolean("assume_kv_reuse", &tracking_options::assume_kv_reuse,
                   {"",
                    "Whether requests with the same prefix share its blocks; "
                    "with false each counts its own.",
                    {"DYN_ROUTER_ASSUME_KV_REUSE"}});
}

void add_queue(std::vector<setting>& to) {
  section queue{to, "router.queue.",
                [](auto& all) -> decltype(auto) { return (all.router.queue); }};
  queue.number("threshold", &queue_options::threshold, batches,
               {"max_num_batched_tokens",
                "A request waits in the router while every worker that it may "
                "go to has more prompt tokens to compute than this; 0: it "
                "never waits.",
                {"DYN_ROUTER_QUEUE_THRESHOLD"}});
  queue.one_of("policy", &queue_options::policy,
               choices<queue_policy>{{"fcfs", queue_policy::fcfs},
                                     {"lcfs", queue_policy::lcfs},
                                     {"wspt", queue_policy::wspt}},
               {"",
                "Who leaves first among equal strict priorities: the first or "
                "the last that came, or the one with the most (1 + priority) "
                "for each token to compute.",
                {"DYN_ROUTER_QUEUE_POLICY"}});
  queue.integer("requests_max", &queue_options::requests_max, {1, count_max},
                {"requests", "Requests that wait; more are refused."});
  queue.duration("wait_max_ms", &queue_options::wait_max, {1, day_ms},
                 {"", "A request that waited so long is refused."});
}

void add_overload(std::vector<setting>& to) {
  section overload{to, "router.overload.", [](auto& all) -> decltype(auto) {
                     return (all.router.overload);
                   }};
  overload.number(
      "decode_blocks_fraction", &overload_options::decode_blocks_fraction,
      fraction,
      {"blocks of the cache",
       "A worker gets no more requests while more than this is in use on all "
       "its ranks; 0: no such limit.",
       {"DYN_ACTIVE_DECODE_BLOCKS_THRESHOLD"}});
  overload.integer(
      "prefill_tokens", &overload_options::prefill_tokens,
      {0, std::uint64_t{1} << 40},
      {"tokens",
       "Nor while it has more prompt tokens than this to compute; 0: no such "
       "limit.",
       {"DYN_ACTIVE_PREFILL_TOKENS_THRESHOLD"}});
  overload.number("prefill_tokens_fraction",
                  &overload_options::prefill_tokens_fraction, batches,
                  {"max_num_batched_tokens",
                   "The same by the size of its batches; 0: no such limit.",
                   {"DYN_ACTIVE_PREFILL_TOKENS_THRESHOLD_FRAC"}});
}

void add_replicas(std::vector<setting>& to) {
  section replicas{to, "router.replicas.", [](auto& all) -> decltype(auto) {
                     return (all.router.replicas);
                   }};
  replicas.boolean("sync", &replica_options::sync,
                   {"",
                    "Whether routers tell each other of their requests.",
                    {"DYN_ROUTER_REPLICA_SYNC"}});
  replicas.duration("summary_interval_ms", &replica_options::summary_interval,
                    {10, hour_ms},
                    {"", "How often a router says how many requests it has, so "
                         "that others notice what they missed."});
  replicas.duration("silence_max_ms", &replica_options::silence_max,
                    {10, day_ms},
                    {"", "The requests of a router that sends such summaries "
                         "are forgotten when it was not heard for so long; at "
                         "least summary_interval_ms."});
  replicas.integer("outgoing_max", &replica_options::outgoing_max,
                   {1, count_max},
                   {"events", "Events that wait to be published; beyond them "
                              "the newest are dropped and counted. Dynamo's "
                              "figure."});
  replicas.integer("routers_max", &replica_options::routers_max, {1, 65'536},
                   {"routers", "Other routers that are followed."});
}

void add_readiness(std::vector<setting>& to) {
  section readiness{to, "router.readiness.", [](auto& all) -> decltype(auto) {
                      return (all.router.readiness);
                    }};
  readiness.number("sources_in_sync", &readiness_options::sources_in_sync,
                   fraction,
                   {"", "The part of the publishers in discovery that must be "
                        "in sync before /readyz says yes; 0: it does not "
                        "wait for them."});
  readiness.duration("time_limit_ms", &readiness_options::time_limit,
                     {0, day_ms}, {"", "After this long it says yes even so."});
}

void add_pools(std::vector<setting>& to) {
  section pools{to, "router.pools.",
                [](auto& all) -> decltype(auto) { return (all.router.pools); }};
  pools.text("prefill_component", &pools_options::prefill_component, 0,
             {"", "The component of workers that compute prompts, while those "
                  "of component and endpoint generate; empty: these do both."});
  pools.text("prefill_endpoint", &pools_options::prefill_endpoint, 1,
             {"", "The endpoint that those workers serve."});
}

} // namespace

void add_router_load(std::vector<setting>& to) {
  add_active(to);
  add_tracking(to);
  add_queue(to);
  add_overload(to);
  add_replicas(to);
  add_readiness(to);
  add_pools(to);
}

} // namespace dynamo
