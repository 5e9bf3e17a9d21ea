#pragma once

#include "dynamo/discovery/discovery.hpp"

#include <memory>
#include <string>
#include <vector>

namespace dynamo::test {

inline std::shared_ptr<discovery_inbox>
make_inbox(std::size_t items_max = 100) {
  return std::make_shared<discovery_inbox>(inbox_limits{items_max});
}

/// A change in short: "put <key>", "deleted <key>", "synced",
/// "stale <reason>".
inline std::string brief(const discovery_change& change) {
  if (const auto* put = std::get_if<record_put>(&change)) {
    return "put " + put->key;
  }
  if (const auto* deleted = std::get_if<record_deleted>(&change)) {
    return "deleted " + deleted->key;
  }
  if (const auto* stale = std::get_if<watch_stale>(&change)) {
    return "stale " + stale->reason;
  }
  return "synced";
}

/// Takes everything out of the inbox.
inline std::vector<std::string> drain(discovery_inbox& inbox) {
  std::vector<inbox_item<discovery_change>> items;
  inbox.drain(items, 1'000'000);
  std::vector<std::string> texts;
  for (const auto& item : items) {
    texts.push_back(brief(item.value));
  }
  return texts;
}

/// An endpoint with a short key: "n/c/e/<id hex>".
inline record served(std::uint64_t id, const std::string& address = "a:1") {
  return endpoint_instance{"n", "c", "e", id, "{\"tcp\":\"" + address + "\"}"};
}

} // namespace dynamo::test
