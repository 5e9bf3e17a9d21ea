#pragma once

#include "dynamo/router/table_segment.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

namespace dynamo {

/// Where a reader begins to look for a hash: good as long as its `reading`.
struct table_view {
  std::uint64_t hash;
  /// nullptr: the table was empty.
  const table_segment* segment;
};

/// A hash table of 32-bit record numbers that grows and shrinks by one small
/// segment at a time (extendible hashing), so that no change takes long.
///
/// The records belong to the caller and say what they are: `Keys` has
/// `hash(id)`, the hash that the record was put under, and `prefetch(id)`.
/// Several records may have the same hash, but not more than a segment has
/// places. Hashes must be spread well over bits 24 to 63.
///
/// Thread-safe: `find` by hash and what has to do with a table_view for any
/// reader inside a `reader_epochs::reading`; everything else for one writer.
template <class Keys>
class segment_table {
 public:
  /// Where a hash belongs, for a writer that asks several times: good as long
  /// as the table's `version` is the same.
  struct spot {
    std::uint64_t hash;
    /// nullptr: the table was empty.
    table_segment* segment;
    /// The first bucket to look at; an empty one when there is no segment.
    table_bucket* home;
  };

  explicit segment_table(retired_blocks& retired)
      : retired_(retired) {}
  segment_table(const segment_table&) = delete;
  segment_table& operator=(const segment_table&) = delete;

  ~segment_table() {
    directory* const all = directory_.load(std::memory_order_relaxed);
    if (all == nullptr)
      return;
    for_each_segment(
        *all, [&](table_segment* one) { memory().give_back(one, one->bytes); });
    memory().give_back(all, all->bytes);
  }

  /// The first record under the hash of which `is(id)`, or no_index.
  template <class Is>
  std::uint32_t find(std::uint64_t hash, Is&& is) const {
    const table_segment* const in = segment_of(hash);
    return in == nullptr ? no_index : in->find(hash, is);
  }

  /// Begins to fetch what a `peek` reads.
  table_view viewed(std::uint64_t hash) const {
    const table_view at{hash, segment_of(hash)};
    if (at.segment != nullptr)
      __builtin_prefetch(&at.segment->buckets[table_segment::bucket_of(hash)]);
    return at;
  }
  /// A record that may have this hash, to be fetched early.
  static std::uint32_t peek(const table_view& at) {
    return at.segment == nullptr ? no_index : at.segment->peek(at.hash);
  }

  // -- The writer

  /// Changes when spots are not good any more.
  std::uint64_t version() const { return version_; }

  spot spot_of(std::uint64_t hash) const {
    // In two steps: by 64 may not be shifted.
    table_segment* const in =
        slots_[hash >> 1 >> shift_].load(std::memory_order_relaxed);
    return {hash, in,
            in == nullptr ? &nothing
                          : &in->buckets[table_segment::bucket_of(hash)]};
  }
  /// Begins to fetch what the others read first.
  spot prefetched(std::uint64_t hash) const {
    const spot at = spot_of(hash);
    __builtin_prefetch(at.home);
    return at;
  }
  template <class Is>
  [[gnu::always_inline]] std::uint32_t find(const spot& at, Is&& is) const {
    const std::uint32_t id = at.home->find(table_segment::tag_of(at.hash), is);
    if (id != no_index ||
        !table_bucket::is_passed(at.home->high(std::memory_order_relaxed)))
      return id;
    return at.segment->find(at.hash, is);
  }
  std::uint32_t peek(const spot& at) const {
    return find(at, [](std::uint32_t) { return true; });
  }

  /// False when there is no memory, or no place under this hash.
  [[gnu::always_inline]] bool insert(const spot& at, std::uint32_t id,
                                     const Keys& keys) {
    if (at.segment == nullptr ||
        !at.home->put(table_segment::tag_of(at.hash), id))
      return insert_roomy(at.hash, id, keys);
    ++size_;
    return true;
  }
  bool insert(std::uint32_t id, const Keys& keys) {
    return insert(spot_of(keys.hash(id)), id, keys);
  }

  /// Nothing happens when the record is not in the table.
  [[gnu::always_inline]] void erase(const spot& at, std::uint32_t id,
                                    const Keys& keys) {
    if (at.segment == nullptr || !at.segment->erase(*at.home, at.hash, id))
      return;
    --size_;
    if (at.home->is_empty())
      shrink(*at.segment, at.hash, keys);
  }
  void erase(std::uint32_t id, const Keys& keys) {
    erase(spot_of(keys.hash(id)), id, keys);
  }

  std::size_t size() const { return size_; }

 private:
  /// Entries that a segment may have in wrong buckets. As the places of a
  /// bucket are taken by chance, so many are when 17/20 of all places are.
  static constexpr std::uint32_t beyond_max = table_segment::places / 16;
  /// About what a segment holds that was split just now.
  static constexpr std::uint32_t half = table_segment::places * 17 / 40;
  static constexpr std::uint32_t merge_below = table_segment::places * 3 / 8;
  static constexpr std::uint32_t depth_max = 25;

  struct directory : shared_block {
    std::uint32_t depth = 0;
    /// Segments that have the directory's depth.
    std::uint32_t deepest = 0;

    std::size_t size() const { return std::size_t{1} << depth; }
    std::size_t slot(std::uint64_t hash) const {
      // In two steps: by 64 may not be shifted.
      return static_cast<std::size_t>(hash >> 1 >> (63 - depth));
    }
    std::atomic<table_segment*>& at(std::size_t i) const {
      auto* const first = reinterpret_cast<std::atomic<table_segment*>*>(
          const_cast<directory*>(this) + 1);
      return first[i];
    }
  };

  memory_count& memory() { return retired_.memory(); }

  table_segment* segment_of(std::uint64_t hash) const {
    const directory* const all = directory_.load(std::memory_order_acquire);
    if (all == nullptr)
      return nullptr;
    return all->at(all->slot(hash)).load(std::memory_order_acquire);
  }

  /// Makes the segment of this hash, or splits it, so that it has room.
  [[gnu::noinline]] bool insert_roomy(std::uint64_t hash, std::uint32_t id,
                                      const Keys& keys) {
    table_segment* in = segment_of(hash);
    if (in == nullptr)
      in = begin();
    while (in != nullptr && in->beyond >= beyond_max && split(hash, keys))
      in = segment_of(hash);
    if (in == nullptr || !in->put(hash, id))
      return false;
    ++size_;
    return true;
  }

  /// After a bucket of the segment became empty.
  [[gnu::noinline]] void shrink(table_segment& in, std::uint64_t hash,
                                const Keys& keys) {
    // Counting takes a while, and a segment that is left has many buckets.
    constexpr std::uint32_t emptied_per_count = 8;
    if (size_ == 0)
      end();
    else if (++in.emptied % emptied_per_count == 0 &&
             in.count() < merge_below / 2) {
      while (merge(hash, keys))
        continue;
    }
  }

  table_segment* new_segment(std::uint32_t depth) {
    auto* const made = new (memory().take(sizeof(table_segment))) table_segment;
    made->bytes = sizeof(table_segment);
    made->depth = depth;
    return made;
  }

  directory* new_directory(std::uint32_t depth) {
    const std::size_t bytes =
        sizeof(directory) +
        (std::size_t{1} << depth) * sizeof(std::atomic<table_segment*>);
    auto* const made = new (memory().take(bytes)) directory;
    made->bytes = static_cast<std::uint32_t>(bytes);
    made->depth = depth;
    for (std::size_t i = 0; i < made->size(); ++i)
      new (&made->at(i)) std::atomic<table_segment*>{nullptr};
    return made;
  }

  table_segment* begin() {
    if (!memory().has_room(sizeof(table_segment) + 256))
      return nullptr;
    directory* const all = new_directory(0);
    all->deepest = 1;
    table_segment* const first = new_segment(0);
    all->at(0).store(first, std::memory_order_relaxed);
    publish(all);
    return first;
  }

  void end() {
    directory* const all = directory_.load(std::memory_order_relaxed);
    publish(nullptr);
    for_each_segment(*all, [&](table_segment* one) { retired_.retire(one); });
    retired_.retire(all);
  }

  template <class Visit>
  static void for_each_segment(directory& all, Visit&& visit) {
    for (std::size_t i = 0; i < all.size();) {
      table_segment* const one = all.at(i).load(std::memory_order_relaxed);
      i += std::size_t{1} << (all.depth - one->depth);
      visit(one);
    }
  }

  void publish(directory* all) {
    directory_.store(all, std::memory_order_release);
    slots_ = all == nullptr ? &no_segment_ : &all->at(0);
    shift_ = all == nullptr ? 63 : 63 - all->depth;
    ++version_;
  }

  /// Puts `fresh` in all places of the directory that begin as `hash` does.
  void place(directory& all, table_segment& fresh, std::uint64_t hash) {
    ++version_;
    const std::size_t span = std::size_t{1} << (all.depth - fresh.depth);
    const std::size_t first = all.slot(hash) & ~(span - 1);
    for (std::size_t i = 0; i < span; ++i)
      all.at(first + i).store(&fresh, std::memory_order_release);
    all.deepest += fresh.depth == all.depth ? 1 : 0;
  }

  static std::uint64_t depth_bit(std::uint32_t depth) {
    return std::uint64_t{1} << (63 - depth);
  }

  /// One bit more than the records need, and a few for bad luck: hashes that
  /// agree in more bits than that do so on purpose.
  std::uint32_t depth_allowed() const {
    const auto needed =
        static_cast<std::uint32_t>(std::bit_width(size_ / half));
    return std::min(needed + 4, depth_max);
  }

  /// Whether the segment of this hash became two.
  bool split(std::uint64_t hash, const Keys& keys) {
    const table_segment* const old = segment_of(hash);
    if (old->depth >= depth_allowed() ||
        !memory().has_room(2 * (sizeof(table_segment) + 128)))
      return false;
    directory* all = directory_.load(std::memory_order_relaxed);
    if (old->depth == all->depth) {
      if (!deepen())
        return false;
      all = directory_.load(std::memory_order_relaxed);
    }
    const std::uint64_t bit = depth_bit(old->depth);
    table_segment* const left = new_segment(old->depth + 1);
    table_segment* const right = new_segment(old->depth + 1);
    move(*old, keys,
         [&](std::uint64_t of) { return (of & bit) == 0 ? left : right; });
    place(*all, *left, hash & ~bit);
    place(*all, *right, hash | bit);
    retired_.retire(const_cast<table_segment*>(old));
    return true;
  }

  /// Twice as many places in the directory.
  bool deepen() {
    directory* const old = directory_.load(std::memory_order_relaxed);
    if (!memory().has_room(old->bytes * 2 + 2 * sizeof(table_segment) + 512))
      return false;
    directory* const grown = new_directory(old->depth + 1);
    for (std::size_t i = 0; i < grown->size(); ++i)
      grown->at(i).store(old->at(i / 2).load(std::memory_order_relaxed),
                         std::memory_order_relaxed);
    publish(grown);
    retired_.retire(old);
    return true;
  }

  /// Whether the segment of this hash became one with its neighbour.
  bool merge(std::uint64_t hash, const Keys& keys) {
    table_segment* const one = segment_of(hash);
    if (one->depth == 0)
      return false;
    const std::uint64_t bit = depth_bit(one->depth - 1);
    table_segment* const two = segment_of(hash ^ bit);
    if (two->depth != one->depth ||
        one->count() + two->count() >= merge_below ||
        !memory().has_room(sizeof(table_segment) + 128))
      return false;
    table_segment* const merged = new_segment(one->depth - 1);
    move(*one, keys, [&](std::uint64_t) { return merged; });
    move(*two, keys, [&](std::uint64_t) { return merged; });
    directory& all = *directory_.load(std::memory_order_relaxed);
    all.deepest -= one->depth == all.depth ? 2 : 0;
    place(all, *merged, hash);
    retired_.retire(one);
    retired_.retire(two);
    while (flatten())
      continue;
    return true;
  }

  /// Half as many places in the directory, if no segment needs all of them.
  bool flatten() {
    directory* const old = directory_.load(std::memory_order_relaxed);
    if (old->depth == 0 || old->deepest > 0 || !memory().has_room(old->bytes))
      return false;
    directory* const shrunk = new_directory(old->depth - 1);
    const table_segment* before = nullptr;
    for (std::size_t i = 0; i < shrunk->size(); ++i) {
      table_segment* const one = old->at(i * 2).load(std::memory_order_relaxed);
      shrunk->at(i).store(one, std::memory_order_relaxed);
      shrunk->deepest += one->depth == shrunk->depth && one != before ? 1 : 0;
      before = one;
    }
    publish(shrunk);
    retired_.retire(old);
    return true;
  }

  /// Copies all entries of a segment to where `target(hash)` says.
  template <class Target>
  static void move(const table_segment& from, const Keys& keys,
                   Target&& target) {
    from.for_each([&](std::uint32_t id) { keys.prefetch(id); });
    from.for_each([&](std::uint32_t id) {
      const std::uint64_t hash = keys.hash(id);
      target(hash)->put(hash, id);
    });
  }

  static inline table_bucket nothing{};

  retired_blocks& retired_;
  std::atomic<directory*> directory_{nullptr};
  /// The writer's view of the directory.
  std::atomic<table_segment*> no_segment_{nullptr};
  std::atomic<table_segment*>* slots_ = &no_segment_;
  std::uint32_t shift_ = 63;
  std::size_t size_ = 0;
  std::uint64_t version_ = 0;
};

} // namespace dynamo
