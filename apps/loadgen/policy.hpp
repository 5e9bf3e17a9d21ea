#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/base/mutex.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo::apps {

/// Who chooses the worker of a request.
enum class policy_kind {
  /// A router, by what the caches hold.
  kv,
  /// Each rank in turn.
  round_robin,
  /// Any rank, all equally likely.
  random,
  /// A router that hears nothing from the caches, by what it sent there.
  predict,
  /// As kv, by several routers in turn.
  kv_replicas,
};

/// Whether routers choose.
bool is_routed(policy_kind kind);

std::string_view to_string(policy_kind kind);

/// Reads names and comma-separated lists of names, in their order;
/// errc::invalid for an unknown name, a repeated one, and for none at all.
result<std::vector<policy_kind>>
parse_policies(const std::vector<std::string>& words);

/// Numbers of a trace below this stay apart between policies.
inline constexpr std::uint64_t policy_id_stride = 1ULL << 20;

/// What a policy adds to the numbers of the trace, so that it finds nothing of
/// another policy's in the caches. Tokens are below 2^32, so numbers repeat
/// after 2^23: there is room for eight policies.
std::uint64_t id_shift_of(policy_kind kind);

/// Where a request can go.
struct worker_rank {
  std::uint64_t worker_id = 0;
  /// Nothing: the worker chooses.
  std::optional<std::uint32_t> dp_rank;
  /// "http://127.0.0.1:8100".
  std::string endpoint;

  bool operator==(const worker_rank&) const = default;
  auto operator<=>(const worker_rank&) const = default;
};

/// Chooses ranks without a router. Thread-safe.
class local_choice {
 public:
  /// `kind` is round_robin or random.
  local_choice(policy_kind kind, std::uint64_t seed);

  /// One of `live` whose endpoint is not in `avoided`, or any when all are;
  /// nothing when nobody is there.
  std::optional<worker_rank> choose(const std::vector<worker_rank>& live,
                                    const std::vector<std::string>& avoided);

 private:
  const policy_kind kind_;
  mutex mutex_;
  std::mt19937_64 random_ DYNAMO_GUARDED_BY(mutex_);
  std::size_t turn_ DYNAMO_GUARDED_BY(mutex_) = 0;
};

} // namespace dynamo::apps
