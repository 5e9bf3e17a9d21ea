#include "apps/router/flags.hpp"

#include <cstdint>
#include <iterator>
#include <utility>

namespace dynamo::apps {

namespace {

constexpr const char* dynamo_group =
    "Dynamo's router flags (switches also as --no-...)";
constexpr std::uint64_t seconds = 1000;

/// An option of Dynamo's in the unit of its key.
config_flag option(std::string flag, std::string key, std::string argument,
                   std::string summary) {
  return {std::move(flag),    std::move(key), std::move(argument),
          std::move(summary), std::nullopt,   1,
          dynamo_group};
}

config_flag seconds_option(std::string flag, std::string key,
                           std::string summary) {
  config_flag made =
      option(std::move(flag), std::move(key), "SECONDS", std::move(summary));
  made.scale = seconds;
  return made;
}

std::vector<config_flag> cost_flags() {
  config_flag old = option("--router-kv-overlap-score-weight",
                           "router.cost.prefill_load_scale", "W", "Deprecated");
  old.group = hidden_flag;
  old.instead = "--router-prefill-load-scale";
  return {
      option("--router-kv-overlap-score-credit",
             "router.cost.overlap_score_credit", "W",
             "Worth of a block that the device holds"),
      option("--router-kv-overlap-score-credit-decay",
             "router.cost.overlap_score_credit_decay", "W",
             "How fast that fades on busy ranks; 0: never"),
      option("--router-prefill-load-scale", "router.cost.prefill_load_scale",
             "W", "Weight of the blocks to compute"),
      option("--router-decode-active-request-weight",
             "router.cost.decode_active_request_weight", "W",
             "Weight of each request that runs"),
      option("--router-host-cache-hit-weight",
             "router.cost.host_cache_hit_weight", "W",
             "Worth of a block in host memory"),
      option("--router-disk-cache-hit-weight",
             "router.cost.disk_cache_hit_weight", "W",
             "Worth of a block on disk"),
      option("--router-temperature", "router.cost.temperature", "T",
             "The same as --temperature"),
      std::move(old),
  };
}

std::vector<config_flag> cache_flags() {
  config_flag old_ttl = seconds_option(
      "--router-ttl", "router.prediction.ttl_ms", "--router-ttl-secs of old");
  old_ttl.group = hidden_flag;
  return {
      seconds_option("--router-ttl-secs", "router.prediction.ttl_ms",
                     "Without events: a block is cached so long"),
      std::move(old_ttl),
      seconds_option("--router-predicted-ttl-secs",
                     "router.prediction.beside_events_ttl_ms",
                     "Beside events: a block is predicted so long"),
      option("--router-max-tree-size", "router.prediction.tree_size_max", "N",
             "Predicted blocks before pruning"),
      option("--router-prune-target-ratio",
             "router.prediction.prune_target_ratio", "F",
             "The part of them that pruning leaves"),
      option("--router-event-threads", "router.event_threads", "N",
             "Accepted; one thread applies events here"),
  };
}

std::vector<config_flag> load_flags() {
  return {
      option("--router-queue-threshold", "router.queue.threshold", "F",
             "Prefill, in batches, beyond which requests wait"),
      option("--router-queue-policy", "router.queue.policy", "NAME",
             "fcfs, lcfs or wspt"),
      option("--active-decode-blocks-threshold",
             "router.overload.decode_blocks_fraction", "F",
             "Of the cache; a worker above it is busy"),
      option("--active-prefill-tokens-threshold",
             "router.overload.prefill_tokens", "N",
             "Tokens to compute; a worker above it is busy"),
      option("--active-prefill-tokens-threshold-frac",
             "router.overload.prefill_tokens_fraction", "F",
             "The same in batches"),
  };
}

/// --<name> and --no-<name>.
std::vector<config_flag> switch_flags(const std::string& name,
                                      const std::string& key,
                                      const std::string& summary) {
  return {
      {"--" + name, key, "", summary, "true", 1, dynamo_group},
      {"--no-" + name, key, "", summary, "false", 1, hidden_flag},
  };
}

std::vector<config_flag> all_switches() {
  struct row {
    const char* name;
    const char* key;
    const char* summary;
  };
  constexpr row rows[] = {
      {"router-kv-events", "kv_events", "Follow events (on); else predict"},
      {"router-replica-sync", "router.replicas.sync",
       "Routers tell each other of requests"},
      {"router-track-active-blocks", "router.tracking.active_blocks",
       "Requests' prompt blocks are load (on)"},
      {"router-track-output-blocks", "router.tracking.output_blocks",
       "So are the blocks that they generate"},
      {"router-track-prefill-tokens", "router.tracking.prefill_tokens",
       "So are prompt tokens to compute (on)"},
      {"router-assume-kv-reuse", "router.tracking.assume_kv_reuse",
       "Equal prefixes share their blocks (on)"},
  };
  std::vector<config_flag> all;
  for (const row& each : rows) {
    auto both = switch_flags(each.name, each.key, each.summary);
    std::move(both.begin(), both.end(), std::back_inserter(all));
  }
  all.push_back({"--load-aware", "router.load_aware", "",
                 "By load alone; other flags go before it", "true", 1,
                 dynamo_group});
  return all;
}

} // namespace

std::vector<config_flag> router_flags() {
  std::vector<config_flag> all{
      {"--block-size", "block_size", "TOKENS", "Tokens per block"},
      {"--temperature", "router.cost.temperature", "T",
       "0: the cheapest rank; above: softer"},
      {"--router-compatibility", "router.index.compatibility", "NAME",
       "ours, or dynamo: lose what Dynamo loses"},
  };
  for (auto part :
       {cost_flags(), cache_flags(), load_flags(), all_switches()}) {
    std::move(part.begin(), part.end(), std::back_inserter(all));
  }
  return all;
}

std::vector<std::string> without_effect(const loaded_options& loaded) {
  const auto origin = loaded.origins.find("router.event_threads");
  if (origin == loaded.origins.end() || origin->second == "default") {
    return {};
  }
  return {origin->second + ": router.event_threads " +
          std::to_string(loaded.values.router.event_threads) +
          " is accepted; one thread applies events here"};
}

} // namespace dynamo::apps
