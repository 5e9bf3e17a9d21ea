#pragma once

#include "dynamo/discovery/etcd_client.hpp"
#include "dynamo/discovery/etcd_messages.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace dynamo {

/// A bucket as it was at one revision.
struct etcd_snapshot {
  std::int64_t revision = 0;
  std::vector<etcd_key_value> values;
};

/// "v1/event_channels/": what the keys of a bucket begin with.
std::string prefix_of(bucket where);

struct etcd_listing {
  bucket where = bucket::event_channels;
  bool keys_only = false;
  /// Keys that are asked for at a time.
  std::size_t page = 500;
  /// More are errc::too_large.
  std::size_t keys_max = 200'000;
};

/// Asks for all keys of a bucket, page by page, all at the revision of the
/// first. `done` is called once, and perhaps within this call.
void list_keys(etcd_client& client, const etcd_listing& wanted,
               std::function<void(result<etcd_snapshot>)> done);

} // namespace dynamo
