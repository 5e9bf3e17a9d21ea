#pragma once

#include "dynamo/discovery/record.hpp"

#include <cstdint>
#include <optional>
#include <string>

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

} // namespace dynamo
