#include "apps/loadgen/policy.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace dynamo::apps {

namespace {

constexpr std::array all_policies{policy_kind::kv, policy_kind::round_robin,
                                  policy_kind::random, policy_kind::predict,
                                  policy_kind::kv_replicas};
static_assert(all_policies.size() * policy_id_stride <= 1ULL << 23);

std::optional<policy_kind> policy_named(std::string_view name) {
  for (const policy_kind each : all_policies) {
    if (to_string(each) == name) {
      return each;
    }
  }
  return std::nullopt;
}

error rejected(std::string_view expected, std::string_view got) {
  return {errc::invalid, "flag --policy: expected " + std::string{expected} +
                             ", got \"" + std::string{got} + "\""};
}

} // namespace

std::string_view to_string(policy_kind kind) {
  switch (kind) {
  case policy_kind::kv:
    return "kv";
  case policy_kind::round_robin:
    return "round_robin";
  case policy_kind::random:
    return "random";
  case policy_kind::predict:
    return "predict";
  case policy_kind::kv_replicas:
    return "kv_replicas";
  }
  return "";
}

bool is_routed(policy_kind kind) {
  return kind != policy_kind::round_robin && kind != policy_kind::random;
}

result<std::vector<policy_kind>>
parse_policies(const std::vector<std::string>& words) {
  std::vector<policy_kind> all;
  for (const std::string& word : words) {
    std::string_view rest = word;
    for (bool more = true; more;) {
      const std::size_t comma = rest.find(',');
      const std::string_view name = rest.substr(0, comma);
      more = comma != std::string_view::npos;
      rest = more ? rest.substr(comma + 1) : std::string_view{};
      const auto kind = policy_named(name);
      if (!kind) {
        return rejected("kv, kv_replicas, predict, round_robin or random",
                        name);
      }
      if (std::find(all.begin(), all.end(), *kind) != all.end()) {
        return rejected("each policy once", name);
      }
      all.push_back(*kind);
    }
  }
  if (all.empty()) {
    return rejected("at least one policy", "");
  }
  return all;
}

std::uint64_t id_shift_of(policy_kind kind) {
  return policy_id_stride * static_cast<std::uint64_t>(kind);
}

local_choice::local_choice(policy_kind kind, std::uint64_t seed)
    : kind_(kind)
    , random_(seed) {
  assert(!is_routed(kind));
}

std::optional<worker_rank>
local_choice::choose(const std::vector<worker_rank>& live,
                     const std::vector<std::string>& avoided) {
  if (live.empty()) {
    return std::nullopt;
  }
  std::vector<const worker_rank*> open;
  for (const worker_rank& each : live) {
    if (std::find(avoided.begin(), avoided.end(), each.endpoint) ==
        avoided.end()) {
      open.push_back(&each);
    }
  }
  if (open.empty()) {
    for (const worker_rank& each : live) {
      open.push_back(&each);
    }
  }
  const lock_guard guard{mutex_};
  const std::size_t drawn =
      kind_ == policy_kind::random
          ? std::uniform_int_distribution<std::size_t>{0,
                                                       open.size() - 1}(random_)
          : turn_++ % open.size();
  return *open[drawn];
}

} // namespace dynamo::apps
