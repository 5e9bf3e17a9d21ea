#pragma once

#include "dynamo/events/kv_cache.hpp"
#include "dynamo/events/sequence.hpp"
#include "dynamo/router/prefix_index.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

namespace dynamo::apps {

/// A prefix index as one writes it down first, a baseline: a tree whose nodes
/// have maps of children, and for each worker a map from its names to nodes. It
/// knows one tier, no limits, and one thread.
class map_index {
 public:
  void apply(const worker_rank& rank, const kv_cache_event& event);
  std::vector<rank_overlap>
  find_matches(std::span<const std::uint64_t> local) const;

 private:
  struct node {
    std::unordered_map<std::uint64_t, std::unique_ptr<node>> children;
    std::unordered_map<std::uint64_t, bool> workers;
    node* parent = nullptr;
    std::uint64_t local = 0;
  };
  using names = std::unordered_map<std::uint64_t, node*>;

  void store(std::uint64_t worker, const kv_stored& stored);
  void remove(std::uint64_t worker, const kv_removed& removed);

  node root_;
  std::unordered_map<std::uint64_t, names> workers_;
};

} // namespace dynamo::apps
