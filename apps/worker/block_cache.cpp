#include "apps/worker/block_cache.hpp"

#include <cassert>
#include <utility>

namespace dynamo::apps {

namespace {

std::optional<std::uint64_t> parent_of(std::span<const prompt_block> prompt,
                                       std::size_t position) {
  if (position == 0) {
    return std::nullopt;
  }
  return prompt[position - 1].block_hash;
}

} // namespace

std::size_t block_cache::lookup(std::span<const prompt_block> prompt) const {
  std::size_t depth = 0;
  for (; depth < prompt.size(); ++depth) {
    const auto found = blocks_.find(prompt[depth].block_hash);
    // Clients choose block hashes: the same name may mean another block.
    if (found == blocks_.end() ||
        found->second.tokens_hash != prompt[depth].tokens_hash ||
        found->second.parent_hash != parent_of(prompt, depth)) {
      break;
    }
  }
  return depth;
}

std::optional<block_cache::acquisition>
block_cache::acquire(std::span<const prompt_block> prompt,
                     std::size_t private_blocks) {
  const std::size_t depth = lookup(prompt);
  const std::size_t wanted = prompt.size() - depth + private_blocks;
  std::size_t reusable = 0;
  for (std::size_t i = 0; i < depth; ++i) {
    reusable += blocks_.at(prompt[i].block_hash).references == 0 ? 1 : 0;
  }
  const std::size_t free = capacity_ - blocks_.size() - reserved_;
  if (wanted > free + unreferenced_.size() - reusable) {
    return std::nullopt;
  }

  acquisition outcome;
  for (std::size_t i = 0; i < depth; ++i) {
    refer_to(prompt[i].block_hash);
  }
  outcome.evicted = evict(wanted > free ? wanted - free : 0);
  reserved_ += wanted;
  outcome.lease = {{prompt.begin(), prompt.end()}, depth, depth, wanted};
  return outcome;
}

std::vector<stored_run> block_cache::commit(cache_lease& lease) {
  std::vector<stored_run> runs;
  bool chained = false;
  const std::vector<prompt_block>& prompt = lease.prompt;
  for (; lease.shared < prompt.size(); ++lease.shared) {
    const prompt_block& block = prompt[lease.shared];
    const auto parent = parent_of(prompt, lease.shared);
    const auto [at, added] = blocks_.try_emplace(
        block.block_hash, entry{block.tokens_hash, parent, 1, {}});
    if (added) {
      if (!chained) {
        runs.push_back({parent, {}});
      }
      runs.back().blocks.push_back(block);
    } else if (at->second.tokens_hash == block.tokens_hash &&
               at->second.parent_hash == parent) {
      refer_to(block.block_hash);
    } else {
      break;
    }
    chained = added;
    --lease.reserved;
    --reserved_;
  }
  return runs;
}

void block_cache::release(cache_lease lease) {
  assert(lease.reserved <= reserved_);
  reserved_ -= lease.reserved;
  // From the tail, so that no child is newer than its parent.
  for (std::size_t i = lease.shared; i > 0; --i) {
    drop_reference(lease.prompt[i - 1].block_hash);
  }
}

bool block_cache::clear() {
  if (used() > 0) {
    return false;
  }
  blocks_.clear();
  unreferenced_.clear();
  return true;
}

std::vector<cached_block> block_cache::content() const {
  std::vector<cached_block> content;
  content.reserve(blocks_.size());
  for (const auto& [hash, block] : blocks_) {
    content.push_back({hash, block.tokens_hash, block.parent_hash});
  }
  return content;
}

void block_cache::refer_to(std::uint64_t block_hash) {
  entry& block = blocks_.at(block_hash);
  if (block.references == 0) {
    unreferenced_.erase(block.age);
  }
  ++block.references;
}

void block_cache::drop_reference(std::uint64_t block_hash) {
  entry& block = blocks_.at(block_hash);
  assert(block.references > 0);
  --block.references;
  if (block.references == 0) {
    block.age = unreferenced_.insert(unreferenced_.end(), block_hash);
  }
}

std::vector<std::uint64_t> block_cache::evict(std::size_t places) {
  std::vector<std::uint64_t> evicted;
  evicted.reserve(places);
  for (; places > 0; --places) {
    evicted.push_back(unreferenced_.front());
    blocks_.erase(unreferenced_.front());
    unreferenced_.pop_front();
  }
  return evicted;
}

} // namespace dynamo::apps
