#include "dynamo/router/orphans.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dynamo {

orphans::orphans(std::size_t per_rank_max, std::size_t blocks_max)
    : per_rank_max_(per_rank_max)
    , blocks_max_(blocks_max) {}

bool orphans::hold(const worker_rank& rank, const kv_stored& event) {
  if (!event.parent_hash || event.blocks.empty())
    return true;
  rank_orphans& of = ranks_[rank];
  // What is said again replaces what was said before.
  if (const auto same = of.by_block.find(event.blocks.front().block_hash);
      same != of.by_block.end() && *same->second == event)
    extract(of, same->second);
  bool complete = true;
  const auto has_room = [&] {
    return of.events.size() < per_rank_max_ &&
           blocks_ + event.blocks.size() <= blocks_max_;
  };
  while (!has_room() && !of.events.empty()) {
    extract(of, of.events.begin());
    ++counts_.dropped;
    complete = false;
  }
  if (has_room()) {
    ++counts_.held;
    insert(of, event);
  } else {
    ++counts_.dropped;
    complete = false;
  }
  if (of.events.empty())
    ranks_.erase(rank);
  return complete;
}

std::vector<kv_stored> orphans::take(const worker_rank& rank,
                                     std::uint64_t parent_hash) {
  std::vector<kv_stored> taken;
  const auto of = ranks_.find(rank);
  if (of == ranks_.end())
    return taken;
  for (auto at = of->second.by_parent.find(parent_hash);
       at != of->second.by_parent.end();
       at = of->second.by_parent.find(parent_hash))
    taken.push_back(extract(of->second, at->second));
  counts_.adopted += taken.size();
  if (of->second.events.empty())
    ranks_.erase(of);
  return taken;
}

bool orphans::remove(const worker_rank& rank, std::uint64_t block_hash) {
  const auto of = ranks_.find(rank);
  if (of == ranks_.end())
    return false;
  const auto at = of->second.by_block.find(block_hash);
  if (at == of->second.by_block.end())
    return false;
  kv_stored whole = extract(of->second, at->second);
  const auto gone = std::find_if(
      whole.blocks.begin(), whole.blocks.end(),
      [&](const kv_block& block) { return block.block_hash == block_hash; });
  kv_stored behind;
  behind.parent_hash = block_hash;
  behind.blocks.assign(std::next(gone), whole.blocks.end());
  whole.blocks.erase(gone, whole.blocks.end());
  if (!whole.blocks.empty())
    insert(of->second, std::move(whole));
  if (!behind.blocks.empty())
    insert(of->second, std::move(behind));
  if (of->second.events.empty())
    ranks_.erase(of);
  return true;
}

void orphans::clear(const worker_rank& rank) {
  const auto of = ranks_.find(rank);
  if (of == ranks_.end())
    return;
  events_ -= of->second.events.size();
  for (const kv_stored& event : of->second.events)
    blocks_ -= event.blocks.size();
  ranks_.erase(of);
}

std::size_t orphans::size(const worker_rank& rank) const {
  const auto of = ranks_.find(rank);
  return of == ranks_.end() ? 0 : of->second.events.size();
}

void orphans::insert(rank_orphans& of, kv_stored event) {
  ++events_;
  blocks_ += event.blocks.size();
  of.events.push_back(std::move(event));
  const auto at = std::prev(of.events.end());
  of.by_parent.emplace(*at->parent_hash, at);
  for (const kv_block& block : at->blocks)
    of.by_block.insert_or_assign(block.block_hash, at);
}

kv_stored orphans::extract(rank_orphans& of, event_list::iterator at) {
  const auto [first, last] = of.by_parent.equal_range(*at->parent_hash);
  for (auto one = first; one != last; ++one) {
    if (one->second == at) {
      of.by_parent.erase(one);
      break;
    }
  }
  for (const kv_block& block : at->blocks) {
    // A later event may hold a block of the same name.
    const auto named = of.by_block.find(block.block_hash);
    if (named != of.by_block.end() && named->second == at)
      of.by_block.erase(named);
  }
  --events_;
  blocks_ -= at->blocks.size();
  kv_stored taken = std::move(*at);
  of.events.erase(at);
  return taken;
}

} // namespace dynamo
