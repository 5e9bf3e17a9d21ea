#include "dynamo/config/load.hpp"
#include "dynamo/config/schema.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>

#include "support/catch.hpp"

using namespace std::chrono_literals;
using dynamo::load_options;
using dynamo::loaded_options;
using dynamo::router_options;

namespace {

dynamo::environment variables(std::map<std::string, std::string> set) {
  return [set = std::move(set)](
             std::string_view name) -> std::optional<std::string> {
    const auto found = set.find(std::string{name});
    return found == set.end() ? std::nullopt
                              : std::optional<std::string>{found->second};
  };
}

loaded_options loaded(const dynamo::load_request& request) {
  auto read = load_options(request);
  INFO((read ? "" : read.error().message));
  REQUIRE(read);
  return *std::move(read);
}

std::string failure_of(const dynamo::load_request& request) {
  const auto read = load_options(request);
  REQUIRE_FALSE(read);
  return read.error().message;
}

/// Every value differs from its default and from its neighbours.
const char* const everything = R"({"router": {
  "event_threads": 2,
  "cost": {"shared_cache_multiplier": 0.125},
  "index": {"orphans": "skip", "removal": "cascade", "conflicts": "first",
    "incarnations": "none", "blocks_max": 11,
    "ranks_max": 12, "bytes_max": 1048577, "orphans_per_rank_max": 13,
    "orphan_blocks_max": 14},
  "freshness": {"partial_credit": 0.1, "stale_credit": 0.2,
    "stale_half_life_ms": 21},
  "prediction": {"ttl_ms": 31, "beside_events_ttl_ms": 32,
    "tree_size_max": 33, "prune_target_ratio": 0.3},
  "tracking": {"active_blocks": false, "output_blocks": true,
    "prefill_tokens": false, "assume_kv_reuse": false},
  "queue": {"threshold": 4.5, "policy": "wspt", "requests_max": 41,
    "wait_max_ms": 42},
  "overload": {"decode_blocks_fraction": 0.5, "prefill_tokens": 51,
    "prefill_tokens_fraction": 0.75},
  "replicas": {"sync": true, "summary_interval_ms": 61,
    "silence_max_ms": 62, "outgoing_max": 63, "routers_max": 64},
  "readiness": {"sources_in_sync": 0.7, "time_limit_ms": 71},
  "pools": {"prefill_component": "prefill", "prefill_endpoint": "p"}},
  "worker": {"taints": "gold, spot"}})";

} // namespace

TEST_CASE("every key of the index, prediction and freshness has its field") {
  const router_options router =
      loaded({dynamo::named_text{"w.jsonc", everything}, {}, {}}).values.router;
  CHECK(router.event_threads == 2);
  CHECK(router.cost.shared_cache_multiplier == 0.125);
  CHECK(router.index.orphans == dynamo::orphan_policy::skip);
  CHECK(router.index.removal == dynamo::removal_policy::cascade);
  CHECK(router.index.conflicts == dynamo::conflict_policy::first);
  CHECK(router.index.incarnations == dynamo::incarnation_policy::none);
  CHECK(router.index.blocks_max == 11);
  CHECK(router.index.ranks_max == 12);
  CHECK(router.index.bytes_max == 1'048'577);
  CHECK(router.index.orphans_per_rank_max == 13);
  CHECK(router.index.orphan_blocks_max == 14);
  CHECK(router.freshness.partial_credit == 0.1);
  CHECK(router.freshness.stale_credit == 0.2);
  CHECK(router.freshness.stale_half_life == 21ms);
  CHECK(router.prediction.ttl == 31ms);
  CHECK(router.prediction.beside_events_ttl == 32ms);
  CHECK(router.prediction.tree_size_max == 33);
  CHECK(router.prediction.prune_target_ratio == 0.3);
}

TEST_CASE("every key of load, replicas and pools has its field") {
  const auto values =
      loaded({dynamo::named_text{"w.jsonc", everything}, {}, {}}).values;
  const router_options& router = values.router;
  CHECK_FALSE(router.tracking.active_blocks);
  CHECK(router.tracking.output_blocks);
  CHECK_FALSE(router.tracking.prefill_tokens);
  CHECK_FALSE(router.tracking.assume_kv_reuse);
  CHECK(router.queue.threshold == 4.5);
  CHECK(router.queue.policy == dynamo::queue_policy::wspt);
  CHECK(router.queue.requests_max == 41);
  CHECK(router.queue.wait_max == 42ms);
  CHECK(router.overload.decode_blocks_fraction == 0.5);
  CHECK(router.overload.prefill_tokens == 51);
  CHECK(router.overload.prefill_tokens_fraction == 0.75);
  CHECK(router.replicas.sync);
  CHECK(router.replicas.summary_interval == 61ms);
  CHECK(router.replicas.silence_max == 62ms);
  CHECK(router.replicas.outgoing_max == 63);
  CHECK(router.replicas.routers_max == 64);
  CHECK(router.readiness.sources_in_sync == 0.7);
  CHECK(router.readiness.time_limit == 71ms);
  CHECK(router.pools.prefill_component == "prefill");
  CHECK(router.pools.prefill_endpoint == "p");
  CHECK(values.worker.taints == "gold, spot");
}

TEST_CASE("every default of Dynamo's configuration is Dynamo's") {
  const router_options router;
  CHECK(router.cost.overlap_score_credit == 1);
  CHECK(router.cost.overlap_score_credit_decay == 0);
  CHECK(router.cost.prefill_load_scale == 1);
  CHECK(router.cost.decode_active_request_weight == 0);
  CHECK(router.cost.host_cache_hit_weight == 0.75);
  CHECK(router.cost.disk_cache_hit_weight == 0.25);
  CHECK(router.cost.shared_cache_multiplier == 0);
  CHECK(router.cost.temperature == 0);
  CHECK_FALSE(router.replicas.sync);
  CHECK(router.tracking.active_blocks);
  CHECK_FALSE(router.tracking.output_blocks);
  CHECK(router.tracking.prefill_tokens);
  CHECK(router.tracking.assume_kv_reuse);
  CHECK(router.prediction.ttl == 120s);
  CHECK(router.prediction.beside_events_ttl == 0s);
  CHECK(router.prediction.tree_size_max == std::uint64_t{1} << 20);
  CHECK(router.prediction.prune_target_ratio == 0.8);
  CHECK(router.event_threads == 4);
  CHECK(router.queue.threshold == 0);
  CHECK(router.queue.policy == dynamo::queue_policy::fcfs);
  CHECK(router.overload.decode_blocks_fraction == 0);
  CHECK(router.overload.prefill_tokens == 0);
  CHECK(router.overload.prefill_tokens_fraction == 0);
  CHECK(router.request_ttl == 300s);
  CHECK(dynamo::options{}.deployment.kv_events);
}

TEST_CASE("every variable that Dynamo's router reads sets its key") {
  const loaded_options all =
      loaded({{},
              variables({{"DYN_ROUTER_USE_KV_EVENTS", "false"},
                         {"DYN_ROUTER_REPLICA_SYNC", "true"},
                         {"DYN_ROUTER_TRACK_ACTIVE_BLOCKS", "0"},
                         {"DYN_ROUTER_TRACK_OUTPUT_BLOCKS", "yes"},
                         {"DYN_ROUTER_TRACK_PREFILL_TOKENS", "off"},
                         {"DYN_ROUTER_ASSUME_KV_REUSE", "no"},
                         {"DYN_ROUTER_TTL_SECS", "0.5"},
                         {"DYN_ROUTER_PREDICTED_TTL_SECS", "1.25"},
                         {"DYN_ROUTER_MAX_TREE_SIZE", "9"},
                         {"DYN_ROUTER_PRUNE_TARGET_RATIO", "0.5"},
                         {"DYN_ROUTER_EVENT_THREADS", "1"},
                         {"DYN_ROUTER_QUEUE_THRESHOLD", "16.0"},
                         {"DYN_ROUTER_QUEUE_POLICY", "lcfs"},
                         {"DYN_ACTIVE_DECODE_BLOCKS_THRESHOLD", "0.9"},
                         {"DYN_ACTIVE_PREFILL_TOKENS_THRESHOLD", "8000"},
                         {"DYN_ACTIVE_PREFILL_TOKENS_THRESHOLD_FRAC", "2"},
                         {"DYN_SHARED_CACHE_MULTIPLIER", "0.4"},
                         {"DYN_ROUTER_ACTIVE_REQUEST_EXPIRY_SECS", "7.5"}}),
              {}});
  const router_options& router = all.values.router;
  CHECK_FALSE(all.values.deployment.kv_events);
  CHECK(router.replicas.sync);
  CHECK_FALSE(router.tracking.active_blocks);
  CHECK(router.tracking.output_blocks);
  CHECK_FALSE(router.tracking.prefill_tokens);
  CHECK_FALSE(router.tracking.assume_kv_reuse);
  CHECK(router.prediction.ttl == 500ms);
  CHECK(router.prediction.beside_events_ttl == 1250ms);
  CHECK(router.prediction.tree_size_max == 9);
  CHECK(router.prediction.prune_target_ratio == 0.5);
  CHECK(router.event_threads == 1);
  CHECK(router.queue.threshold == 16);
  CHECK(router.queue.policy == dynamo::queue_policy::lcfs);
  CHECK(router.overload.decode_blocks_fraction == 0.9);
  CHECK(router.overload.prefill_tokens == 8000);
  CHECK(router.overload.prefill_tokens_fraction == 2);
  CHECK(router.cost.shared_cache_multiplier == 0.4);
  CHECK(router.request_ttl == 7500ms);
  CHECK(all.warnings.empty());
}

TEST_CASE("an older name of a variable counts unless the newer one is set") {
  const auto ttl_of = [](std::map<std::string, std::string> set) {
    return loaded({{}, variables(std::move(set)), {}})
        .values.router.prediction.ttl;
  };
  CHECK(ttl_of({{"DYN_ROUTER_TTL", "3"}}) == 3s);
  CHECK(ttl_of({{"DYN_ROUTER_TTL", "3"}, {"DYN_ROUTER_TTL_SECS", "4"}}) == 4s);

  const loaded_options all =
      loaded({{}, variables({{"DYN_USE_KV_EVENTS", "false"}}), {}});
  CHECK_FALSE(all.values.deployment.kv_events);
  CHECK(all.origins.at("kv_events") == "environment DYN_USE_KV_EVENTS");
  CHECK(all.warnings.empty());
}

TEST_CASE("a deprecated variable counts with a warning that names the new") {
  const loaded_options all = loaded(
      {{}, variables({{"DYN_ROUTER_KV_OVERLAP_SCORE_WEIGHT", "2"}}), {}});
  CHECK(all.values.router.cost.prefill_load_scale == 2);
  REQUIRE(all.warnings.size() == 1);
  CHECK(all.warnings[0] ==
        "environment DYN_ROUTER_KV_OVERLAP_SCORE_WEIGHT: deprecated; use "
        "DYN_ROUTER_PREFILL_LOAD_SCALE");
}

TEST_CASE("seconds with a fraction become whole milliseconds") {
  struct row {
    const char* seconds;
    std::chrono::milliseconds expected;
  };
  const row rows[] = {{"0", 0ms},         {"0.0", 0ms},    {"120", 120'000ms},
                      {"1.0005", 1001ms}, {"0.29", 290ms}, {"1e-9", 1ms},
                      {"86400.0", 24h}};
  for (const row& each : rows) {
    CAPTURE(each.seconds);
    CHECK(loaded({{},
                  {},
                  {{"--router-ttl-secs", "router.prediction.ttl_ms",
                    each.seconds, 1000}}})
              .values.router.prediction.ttl == each.expected);
  }
}

TEST_CASE("seconds that make no sense are refused with their scale") {
  for (const char* wrong : {"-1", "-0.5", "86401", "1e300", "nan", "inf", "",
                            "soon", "18446744073709551615"}) {
    CAPTURE(wrong);
    const std::string message = failure_of(
        {{},
         {},
         {{"--router-ttl-secs", "router.prediction.ttl_ms", wrong, 1000}}});
    CHECK(message.starts_with(
        "flag --router-ttl-secs: router.prediction.ttl_ms: expected an integer "
        "from 0 to 86400000, got "));
    CHECK(message.ends_with(" times 1000"));
  }
}

TEST_CASE("a key in milliseconds stays a whole number in a file") {
  CHECK(failure_of(
            {dynamo::named_text{
                 "w.jsonc", R"({"router": {"prediction": {"ttl_ms": 0.5}}})"},
             {},
             {}})
            .ends_with("expected an integer from 0 to 86400000, got 0.5"));
}

TEST_CASE("a router is not given up between two of its summaries") {
  CHECK(failure_of(
            {{}, {}, {{"--set", "router.replicas.silence_max_ms", "499"}}}) ==
        "flag --set: router.replicas.silence_max_ms: expected at least "
        "router.replicas.summary_interval_ms (500), got 499");
}

TEST_CASE("no two keys have the same variable") {
  std::set<std::string_view> names;
  for (const dynamo::setting& each : dynamo::schema()) {
    for (const std::string_view name :
         {each.notes.variable.name, each.notes.older.name}) {
      CAPTURE(each.key, name);
      CHECK((name.empty() || names.insert(name).second));
    }
  }
}
