#include "apps/worker/registration.hpp"

#include "dynamo/base/ids.hpp"
#include "dynamo/config/scalar.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace dynamo::apps {

namespace {

using nlohmann::ordered_json;

/// Tokens that an engine computes in a step: the default of vLLM. Routers use
/// it only to tell when a worker is overloaded.
constexpr std::uint64_t batched_tokens_max = 8192;

/// Dynamo reads the context length as 32 bits.
constexpr std::uint64_t context_length_max =
    std::numeric_limits<std::uint32_t>::max();

constexpr std::string_view model_name = "simulated";

/// The words between the commas, without blanks around them.
std::vector<std::string> taints_in(std::string_view list) {
  std::vector<std::string> taints;
  while (!list.empty()) {
    const std::size_t length = std::min(list.find(','), list.size());
    const std::string_view word = trimmed(list.substr(0, length));
    if (!word.empty()) {
      taints.emplace_back(word);
    }
    list.remove_prefix(std::min(length + 1, list.size()));
  }
  return taints;
}

} // namespace

record endpoint_record(const deployment_options& deployment,
                       std::uint64_t worker_id, std::string_view address,
                       wire_generation generation) {
  const std::string owner =
      generation == wire_generation::v1_3
          ? ""
          : deployment.ns + "/" + deployment.component + "/";
  const std::string path =
      "/" + id_to_hex(worker_id) + "/" + owner + deployment.endpoint;
  const ordered_json transport{{"tcp", std::string{address} + path}};
  return endpoint_instance{
      deployment.ns, deployment.component, deployment.endpoint, worker_id,
      transport.dump(-1, ' ', false, ordered_json::error_handler_t::replace)};
}

record model_record(const deployment_options& deployment,
                    const worker_options& worker, std::uint64_t worker_id) {
  const std::uint64_t block_size = deployment.block_size;
  ordered_json runtime{{"total_kv_blocks", worker.cache_blocks},
                       {"max_num_seqs", worker.concurrency},
                       {"max_num_batched_tokens", batched_tokens_max},
                       {"data_parallel_start_rank", 0},
                       {"data_parallel_size", worker.dp_ranks},
                       {"enable_local_indexer", false},
                       {"enable_eagle", false}};
  // Ours; a card without taints is as Dynamo's.
  if (const auto taints = taints_in(worker.taints); !taints.empty()) {
    runtime["taints"] = taints;
  }
  const ordered_json card{
      {"display_name", model_name},
      {"slug", model_name},
      {"model_info", nullptr},
      {"tokenizer", nullptr},
      {"context_length",
       std::min(worker.cache_blocks, context_length_max / block_size) *
           block_size},
      {"kv_cache_block_size", block_size},
      {"migration_limit", 0},
      {"model_type", "Chat"},
      {"model_input", "Tokens"},
      {"worker_type", "aggregated"},
      {"needs", ordered_json::array()},
      {"runtime_config", runtime}};
  return model_card{deployment.ns, deployment.component, deployment.endpoint,
                    worker_id,     card.dump(),          ""};
}

} // namespace dynamo::apps
