#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace dynamo::apps {

/// A full block of a prompt: its name, which covers the whole prefix, and the
/// hash of its own tokens (router/block_hash.hpp).
struct prompt_block {
  std::uint64_t block_hash = 0;
  std::uint64_t tokens_hash = 0;

  bool operator==(const prompt_block&) const = default;
};

/// A block that the cache holds.
struct cached_block {
  std::uint64_t block_hash = 0;
  std::uint64_t tokens_hash = 0;
  /// Nothing for the first block of a sequence.
  std::optional<std::uint64_t> parent_hash;

  bool operator==(const cached_block&) const = default;
};

/// Blocks that became part of the cache, each the child of the one before.
struct stored_run {
  std::optional<std::uint64_t> parent_hash;
  std::vector<prompt_block> blocks;

  bool operator==(const stored_run&) const = default;
};

/// What a running request occupies. Given back with `release`, exactly once.
struct cache_lease {
  std::vector<prompt_block> prompt;
  /// Leading blocks that were there before; nobody has to compute them.
  std::size_t cached = 0;
  /// Leading blocks of the prompt that this lease refers to.
  std::size_t shared = 0;
  /// Places that are taken and belong to no cached block: the prompt's blocks
  /// until `commit`, its partial tail, and the output.
  std::size_t reserved = 0;
};

/// The paged block cache of one rank. A request takes places for its whole
/// life with `acquire`, turns its computed prompt into cached blocks with
/// `commit`, and gives everything back with `release`; cached blocks that no
/// request refers to stay for reuse until their place is needed, least recently
/// used first.
///
/// Invariants:
///   - a block's parent is cached as long as the block is;
///   - a block has at least as many references as any of its children, since a
///     lease refers to all blocks from the root down;
///   - of the unreferenced blocks a child is older than its parent, since a
///     lease gives its blocks back from the tail. So a block is never evicted
///     before its children;
///   - cached blocks and reserved places together never exceed the capacity.
///
/// Pure; not thread-safe.
class block_cache {
 public:
  explicit block_cache(std::size_t capacity)
      : capacity_(capacity) {}

  /// What `acquire` did.
  struct acquisition {
    cache_lease lease;
    /// Blocks that had to go, children before their parents.
    std::vector<std::uint64_t> evicted;
  };

  /// How many leading blocks of the prompt are cached.
  std::size_t lookup(std::span<const prompt_block> prompt) const;

  /// Takes places for the prompt and for `private_blocks` more, which are never
  /// cached. Nothing, and no change, when there is no room now.
  std::optional<acquisition> acquire(std::span<const prompt_block> prompt,
                                     std::size_t private_blocks);

  /// The prompt was computed: its blocks become cached. Those that another
  /// request brought in the meantime are shared and their places given back. A
  /// block whose name is taken by another block stays private, and so do those
  /// behind it. Returns what is new, parents first.
  std::vector<stored_run> commit(cache_lease& lease);

  /// The request is over.
  void release(cache_lease lease);

  /// Forgets every cached block. False, and no change, while any place is in
  /// use by a request.
  bool clear();

  std::size_t capacity() const { return capacity_; }
  /// Cached blocks, in use or not.
  std::size_t cached() const { return blocks_.size(); }
  /// Places of running requests: cached blocks that they refer to, each once,
  /// and reserved places.
  std::size_t used() const {
    return blocks_.size() - unreferenced_.size() + reserved_;
  }

  /// Every cached block, in no order.
  std::vector<cached_block> content() const;

 private:
  struct entry {
    std::uint64_t tokens_hash = 0;
    std::optional<std::uint64_t> parent_hash;
    std::size_t references = 0;
    /// Place in unreferenced_; only valid without references.
    std::list<std::uint64_t>::iterator age;
  };

  void refer_to(std::uint64_t block_hash);
  void drop_reference(std::uint64_t block_hash);
  std::vector<std::uint64_t> evict(std::size_t places);

  std::size_t capacity_;
  std::size_t reserved_ = 0;
  std::unordered_map<std::uint64_t, entry> blocks_;
  /// Oldest first.
  std::list<std::uint64_t> unreferenced_;
};

} // namespace dynamo::apps
