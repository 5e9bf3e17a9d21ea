#pragma once

#include "dynamo/discovery/record.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What a router reads out of the two records of a worker.

namespace dynamo {

/// The transport of an endpoint in Dynamo's form,
/// {"tcp":"<host:port>/<instance hex>/<ns>/<component>/<endpoint>"}.
std::string tcp_transport_json(const endpoint_instance& served,
                               const std::string& host_and_port);

/// "host:port" of an endpoint that is served over TCP; nothing for other
/// transports.
std::optional<std::string> host_and_port_of(const endpoint_instance& served);

/// The data-parallel ranks of a worker.
struct rank_range {
  std::uint32_t first = 0;
  std::uint32_t count = 1;

  bool operator==(const rank_range&) const = default;
};

/// runtime_config.data_parallel_start_rank and data_parallel_size of a model
/// card; one rank 0 when they are not there or make no sense.
rank_range ranks_of(const model_card& card);

/// What each rank of a worker can do at most; nothing where the card does not
/// say it, or says 0, or something that is no whole number.
struct worker_capacity {
  /// runtime_config.total_kv_blocks.
  std::optional<std::uint64_t> total_kv_blocks{};
  /// Tokens of a step: runtime_config.max_num_batched_tokens.
  std::optional<std::uint64_t> max_num_batched_tokens{};
  /// Tokens: kv_cache_block_size.
  std::optional<std::uint64_t> block_size{};

  bool operator==(const worker_capacity&) const = default;
};

worker_capacity capacity_of(const model_card& card);

/// Of a card's taints, so many are kept; longer ones are left out.
inline constexpr std::size_t taints_max = 64;
inline constexpr std::size_t taint_bytes_max = 256;

/// runtime_config.taints of a model card, an array of texts: what requests may
/// want or avoid. Dynamo's cards have no place for them that we know; this one
/// is ours, and Dynamo passes over it. What is empty, no text or there already
/// is left out.
std::vector<std::string> taints_of(const model_card& card);

} // namespace dynamo
