#include "dynamo/config/schema_parts.hpp"
#include "dynamo/config/schema_section.hpp"

#include <cstdint>

namespace dynamo {

namespace {

constexpr std::uint64_t count_max = 10'000'000;
constexpr std::uint64_t day_ms = 86'400'000;

void add_requests(std::vector<setting>& to) {
  to.push_back(load_aware_preset());
  section router{to, "router.",
                 [](auto& all) -> decltype(auto) { return (all.router); }};
  router.one_of("on_gap", &router_options::on_gap,
                choices<gap_policy>{{"keep", gap_policy::keep},
                                    {"reset", gap_policy::reset}},
                {"", "After lost events: \"keep\" a rank's blocks and mark it "
                     "partial, or \"reset\" them as Dynamo does."});
  router.one_of(
      "sources", &router_options::sources,
      choices<source_policy>{{"bound", source_policy::bound},
                             {"any", source_policy::any}},
      {"",
       "Whose kv-events count: those of publishers that a record \"bound\" to "
       "their rank (Dynamo 1.4 and later), or those of \"any\" publisher (1.3 "
       "and before)."});
  router.duration("request_ttl_ms", &router_options::request_ttl, {1, day_ms},
                  {"",
                   "A request that is never reported as ended is dropped after "
                   "this long; Dynamo's figure.",
                   {"DYN_ROUTER_ACTIVE_REQUEST_EXPIRY_SECS", 1000}});
  router.duration(
      "departed_ttl_ms", &router_options::departed_ttl, {0, day_ms},
      {"",
       "What a worker holds is kept this long after it left, in case it comes "
       "back; Dynamo forgets at once."});
  router.integer("request_blocks_max", &router_options::request_blocks_max,
                 {1, count_max},
                 {"blocks", "Blocks of one request; more are refused."});
  router.integer("event_threads", &router_options::event_threads, {1, 1024},
                 {"threads",
                  "Accepted and without effect: Dynamo applies events with so "
                  "many threads, we with one, which is faster.",
                  {"DYN_ROUTER_EVENT_THREADS"}});
}

void add_cost(std::vector<setting>& to) {
  section cost{to, "router.cost.",
               [](auto& all) -> decltype(auto) { return (all.router.cost); }};
  constexpr number_range weight{0, 1e6};
  cost.number("overlap_score_credit", &cost_options::overlap_score_credit,
              weight,
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
               {"DYN_ROUTER_PREFILL_LOAD_SCALE"},
               secrecy::none,
               {"DYN_ROUTER_KV_OVERLAP_SCORE_WEIGHT",
                older_variable::standing::deprecated}});
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
  cost.number("shared_cache_multiplier", &cost_options::shared_cache_multiplier,
              weight,
              {"",
               "Worth of a block in a cache that all workers share, beyond "
               "those on the device.",
               {"DYN_SHARED_CACHE_MULTIPLIER"},
               secrecy::none,
               {"DYN_ROUTER_SHARED_CACHE_MULTIPLIER"}});
  cost.number("temperature", &cost_options::temperature, weight,
              {"",
               "0: always the cheapest rank; the higher, the softer the "
               "choice.",
               {"DYN_ROUTER_TEMPERATURE"}});
}

} // namespace

void add_router(std::vector<setting>& to) {
  add_requests(to);
  add_cost(to);
}

} // namespace dynamo
