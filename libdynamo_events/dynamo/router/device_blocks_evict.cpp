#include "dynamo/router/device_blocks.hpp"

namespace dynamo {

bool device_blocks::survives(std::uint32_t id) {
  std::atomic<std::uint32_t>& above = nodes_[id].above;
  const std::uint32_t now = above.load(std::memory_order_relaxed);
  if ((now & block_node::used) != 0) {
    above.fetch_or(block_node::fresh, std::memory_order_relaxed);
    above.fetch_and(~block_node::used, std::memory_order_relaxed);
    return true;
  }
  if ((now & block_node::fresh) != 0)
    above.fetch_and(~block_node::fresh, std::memory_order_relaxed);
  return (now & block_node::fresh) != 0;
}

std::uint32_t device_blocks::drop_leaf(std::uint32_t id) {
  std::atomic<std::uint64_t>& ranks = nodes_[id].ranks;
  rank_word::for_each(ranks.load(std::memory_order_relaxed),
                      [&](std::uint32_t rank) { aliases_.erase(rank, id); });
  words_.clear(ranks);
  return prune(id);
}

void device_blocks::sweep(std::uint32_t id) {
  take_out_retired(id);
  prune(id);
}

void device_blocks::take_out_retired(std::uint32_t id) {
  std::atomic<std::uint64_t>& ranks = nodes_[id].ranks;
  found_.clear();
  rank_word::for_each(ranks.load(std::memory_order_relaxed),
                      [&](std::uint32_t rank) {
                        if (!numbers_.is_live(rank))
                          found_.push_back(rank);
                      });
  for (const std::uint32_t rank : found_) {
    words_.erase(ranks, rank);
    aliases_.erase(rank, id);
  }
}

std::vector<std::uint32_t> device_blocks::all_of(std::uint32_t rank) const {
  std::vector<std::uint32_t> held;
  for (std::uint32_t id = next(0); id != no_index; id = next(id + 1)) {
    if (is_in_tree(id) &&
        rank_word::contains(nodes_[id].ranks.load(std::memory_order_relaxed),
                            rank))
      held.push_back(id);
  }
  return held;
}

void device_blocks::end_epoch() {
  nodes_.end_epoch();
  aliases_.end_epoch();
}

} // namespace dynamo
