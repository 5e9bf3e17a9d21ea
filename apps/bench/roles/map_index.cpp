#include "apps/bench/roles/map_index.hpp"

#include <algorithm>

namespace dynamo::apps {

void map_index::apply(const worker_rank& rank, const kv_cache_event& event) {
  if (const auto* stored = std::get_if<kv_stored>(&event.data)) {
    store(rank.worker_id, *stored);
  } else if (const auto* gone = std::get_if<kv_removed>(&event.data)) {
    remove(rank.worker_id, *gone);
  }
}

void map_index::store(std::uint64_t worker, const kv_stored& stored) {
  names& known = workers_[worker];
  node* at = &root_;
  if (stored.parent_hash) {
    const auto parent = known.find(*stored.parent_hash);
    if (parent == known.end()) {
      return;
    }
    at = parent->second;
  }
  for (const kv_block& block : stored.blocks) {
    std::unique_ptr<node>& child = at->children[block.tokens_hash];
    if (!child) {
      child = std::make_unique<node>();
      child->parent = at;
      child->local = block.tokens_hash;
    }
    at = child.get();
    at->workers[worker] = true;
    known[block.block_hash] = at;
  }
}

void map_index::remove(std::uint64_t worker, const kv_removed& removed) {
  names& known = workers_[worker];
  for (const std::uint64_t name : removed.block_hashes) {
    const auto found = known.find(name);
    if (found == known.end()) {
      continue;
    }
    node* at = found->second;
    known.erase(found);
    at->workers.erase(worker);
    while (at != &root_ && at->workers.empty() && at->children.empty()) {
      node* const parent = at->parent;
      parent->children.erase(at->local);
      at = parent;
    }
  }
}

std::vector<rank_overlap>
map_index::find_matches(std::span<const std::uint64_t> local) const {
  std::vector<rank_overlap> rows;
  std::vector<std::uint64_t> still;
  const node* at = &root_;
  std::uint32_t depth = 0;
  const auto end_those_without = [&](const node* next) {
    std::erase_if(still, [&](std::uint64_t worker) {
      if (next != nullptr && next->workers.contains(worker)) {
        return false;
      }
      rows.push_back({{worker, 0}, depth, depth, depth});
      return true;
    });
  };
  for (const std::uint64_t block : local) {
    const auto child = at->children.find(block);
    const node* next =
        child == at->children.end() ? nullptr : child->second.get();
    if (depth == 0 && next != nullptr) {
      for (const auto& [worker, held] : next->workers) {
        still.push_back(worker);
      }
    }
    end_those_without(next);
    if (next == nullptr || still.empty()) {
      break;
    }
    at = next;
    ++depth;
  }
  end_those_without(nullptr);
  std::sort(rows.begin(), rows.end(),
            [](const rank_overlap& left, const rank_overlap& right) {
              return left.rank < right.rank;
            });
  return rows;
}

} // namespace dynamo::apps
