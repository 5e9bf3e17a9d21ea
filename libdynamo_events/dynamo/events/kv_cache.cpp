#include "dynamo/events/kv_cache.hpp"

namespace dynamo {

std::string_view to_string(storage_tier tier) {
  switch (tier) {
  case storage_tier::device:
    return "device";
  case storage_tier::host_pinned:
    return "host_pinned";
  case storage_tier::disk:
    return "disk";
  case storage_tier::external:
    return "external";
  }
  return "unknown";
}

std::optional<storage_tier> storage_tier_from(std::string_view text) {
  for (const auto tier : {storage_tier::device, storage_tier::host_pinned,
                          storage_tier::disk, storage_tier::external}) {
    if (to_string(tier) == text) {
      return tier;
    }
  }
  return std::nullopt;
}

std::string_view to_string(residency_domain domain) {
  switch (domain) {
  case residency_domain::worker:
    return "worker";
  case residency_domain::cache_owner:
    return "cache_owner";
  case residency_domain::unsupported:
    return "unsupported";
  case residency_domain::invalid:
    return "invalid";
  }
  return "unknown";
}

std::size_t block_count(const router_event& event) {
  if (const auto* stored = std::get_if<kv_stored>(&event.event.data)) {
    return stored->blocks.size();
  }
  if (const auto* removed = std::get_if<kv_removed>(&event.event.data)) {
    return removed->block_hashes.size();
  }
  return 0;
}

} // namespace dynamo
