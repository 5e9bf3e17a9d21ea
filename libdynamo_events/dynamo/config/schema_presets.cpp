#include "dynamo/config/schema_parts.hpp"

#include <string_view>
#include <tuple>

namespace dynamo {

namespace {

/// The fields of one preset, const or not. The order is that of the tuples of
/// values below, and of the keys that the preset sets.
template <class Options>
auto compatibility_fields(Options& all) {
  auto& router = all.router;
  return std::tie(
      router.index.orphans, router.index.removal, router.index.conflicts,
      router.index.incarnations, all.plane.subscriber.bad_events, router.on_gap,
      router.freshness.partial_credit, router.freshness.stale_credit);
}

std::tuple<orphan_policy, removal_policy, conflict_policy, incarnation_policy,
           bad_event_policy, gap_policy, double, double>
dynamos_index() {
  return {orphan_policy::skip,
          removal_policy::cascade,
          conflict_policy::first,
          incarnation_policy::none,
          bad_event_policy::drop_message,
          gap_policy::reset,
          1.0,
          1.0};
}

template <class Options>
auto load_aware_fields(Options& all) {
  auto& router = all.router;
  return std::tie(
      all.deployment.kv_events, router.cost.overlap_score_credit,
      router.cost.shared_cache_multiplier, router.tracking.assume_kv_reuse,
      router.tracking.active_blocks, router.tracking.prefill_tokens);
}

constexpr std::tuple load_only{false, 0.0, 0.0, false, true, true};

bool assign_compatibility(options& all, const scalar& value) {
  const auto* given = std::get_if<std::string>(&value);
  if (given == nullptr) {
    return false;
  }
  const std::string_view name = trimmed(*given);
  if (same_name(name, "ours")) {
    const options defaults;
    compatibility_fields(all) = compatibility_fields(defaults);
    return true;
  }
  if (same_name(name, "dynamo")) {
    compatibility_fields(all) = dynamos_index();
    return true;
  }
  // So that what --print-config says can be read back.
  return same_name(name, "mixed");
}

scalar read_compatibility(const options& all) {
  if (compatibility_fields(all) == dynamos_index()) {
    return std::string{"dynamo"};
  }
  const options defaults;
  return std::string{compatibility_fields(all) == compatibility_fields(defaults)
                         ? "ours"
                         : "mixed"};
}

bool assign_load_aware(options& all, const scalar& value) {
  const auto* truth = std::get_if<bool>(&value);
  if (truth != nullptr && *truth) {
    load_aware_fields(all) = load_only;
  }
  return truth != nullptr;
}

scalar read_load_aware(const options& all) {
  return load_aware_fields(all) == load_only;
}

} // namespace

setting load_aware_preset() {
  setting preset;
  preset.key = "router.load_aware";
  preset.type = scalar_type::boolean;
  preset.accepted = "true or false";
  preset.notes = {"",
                  "True stands for routing by load alone: no kv_events, "
                  "cost.overlap_score_credit and shared_cache_multiplier 0, no "
                  "tracking.assume_kv_reuse, tracking.active_blocks and "
                  "prefill_tokens on. Keys that are set beside it go before "
                  "it; false changes nothing.",
                  {"DYN_ROUTER_LOAD_AWARE"}};
  preset.assign = assign_load_aware;
  preset.read = read_load_aware;
  preset.sets = {"kv_events",
                 "router.cost.overlap_score_credit",
                 "router.cost.shared_cache_multiplier",
                 "router.tracking.assume_kv_reuse",
                 "router.tracking.active_blocks",
                 "router.tracking.prefill_tokens"};
  return preset;
}

setting compatibility_preset() {
  setting preset;
  preset.key = "router.index.compatibility";
  preset.type = scalar_type::text;
  preset.accepted = "\"ours\", \"dynamo\" or \"mixed\"";
  preset.notes = {"",
                  "Whose answers the index gives: \"ours\" stands for the "
                  "defaults of the five keys below, of router.on_gap and of "
                  "the credits in router.freshness; \"dynamo\" for those that "
                  "lose what Dynamo 1.6 loses: skip, cascade, first, none, "
                  "drop_message, reset, and credits of 1. Keys that are set "
                  "beside it go before it; \"mixed\" changes nothing.",
                  {"DYN_ROUTER_COMPATIBILITY"}};
  preset.assign = assign_compatibility;
  preset.read = read_compatibility;
  preset.sets = {"router.index.orphans",
                 "router.index.removal",
                 "router.index.conflicts",
                 "router.index.incarnations",
                 "subscriber.bad_events",
                 "router.on_gap",
                 "router.freshness.partial_credit",
                 "router.freshness.stale_credit"};
  return preset;
}

} // namespace dynamo
