#pragma once

#include "dynamo/router/bucket_table.hpp"
#include "dynamo/router/reader_epochs.hpp"

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace dynamo {

/// One cache line of a segment_table: twelve places, each with one byte of its
/// entry's hash (0: free), and how many entries that belong here, or in a
/// bucket before, had to go on.
struct table_bucket {
  static constexpr std::uint32_t places = 12;

  /// Tags of places 0 to 7; those of places 8 to 11, and above them the count.
  std::array<std::atomic<std::uint64_t>, 2> tags{};
  std::array<std::atomic<std::uint32_t>, places> ids;

  std::uint64_t low(std::memory_order order = std::memory_order_acquire) const {
    return tags[0].load(order);
  }
  std::uint64_t
  high(std::memory_order order = std::memory_order_acquire) const {
    return tags[1].load(order);
  }

  /// A bit for each place that has this tag.
  [[gnu::always_inline]] static std::uint32_t
  equal(std::uint64_t low, std::uint64_t high, std::uint8_t tag) {
#if defined(__SSE2__)
    const __m128i tags = _mm_set_epi64x(static_cast<long long>(high),
                                        static_cast<long long>(low));
    const __m128i wanted = _mm_set1_epi8(static_cast<char>(tag));
    const int mask = _mm_movemask_epi8(_mm_cmpeq_epi8(tags, wanted));
    return static_cast<std::uint32_t>(mask) & 0xfff;
#else
    std::uint32_t mask = 0;
    for (std::uint32_t i = 0; i < places; ++i) {
      const std::uint64_t word = i < 8 ? low : high;
      if ((word >> (i % 8 * 8) & 0xff) == tag)
        mask |= 1U << i;
    }
    return mask;
#endif
  }

  static bool is_passed(std::uint64_t high) {
    return high >> 32 != 0;
  }

  /// Writer only: takes a free place.
  void fill(std::uint32_t place, std::uint8_t by, std::uint32_t id) {
    ids[place].store(id, std::memory_order_release);
    tag(place, by);
  }
  /// Writer only; release, for who sees the tag must see the number.
  void tag(std::uint32_t place, std::uint8_t tag) {
    // By a number: a branch would go wrong every third time.
    std::atomic<std::uint64_t>& word = tags[place / 8];
    const std::uint32_t shift = place % 8 * 8;
    const std::uint64_t others =
        word.load(std::memory_order_relaxed) & ~(std::uint64_t{0xff} << shift);
    word.store(others | std::uint64_t{tag} << shift, std::memory_order_release);
  }
  void count_passing(std::int64_t change) {
    tags[1].store(high(std::memory_order_relaxed) +
                      (static_cast<std::uint64_t>(change) << 32),
                  std::memory_order_release);
  }
};

static_assert(sizeof(table_bucket) == 64);

/// A small open hash table of fixed size; all of its entries agree in the
/// first `depth` bits of their hashes.
///
/// Thread-safe: `find` for any reader inside a `reader_epochs::reading`;
/// everything else for one writer.
struct table_segment : shared_block {
  static constexpr std::uint32_t bucket_bits = 7;
  static constexpr std::uint32_t bucket_count = 1U << bucket_bits;
  static constexpr std::uint32_t places = bucket_count * table_bucket::places;

  std::uint32_t depth = 0;
  std::uint32_t count = 0;
  alignas(64) std::array<table_bucket, bucket_count> buckets;

  // The first 25 bits of a hash choose the segment, these the rest.
  static std::uint32_t bucket_of(std::uint64_t hash) {
    return static_cast<std::uint32_t>(hash >> 32) & (bucket_count - 1);
  }
  static std::uint8_t tag_of(std::uint64_t hash) {
    const auto tag = static_cast<std::uint8_t>(hash >> 24);
    return tag == 0 ? 1 : tag;
  }

  /// The first entry with the hash's tag of which `is(id)`, or no_index.
  template <class Is>
  std::uint32_t find(std::uint64_t hash, Is&& is) const {
    const std::uint8_t tag = tag_of(hash);
    std::uint32_t at = bucket_of(hash);
    for (std::uint32_t i = 0; i < bucket_count; ++i) {
      const table_bucket& here = buckets[at];
      const std::uint64_t low = here.low();
      const std::uint64_t high = here.high();
      std::uint32_t equal = table_bucket::equal(low, high, tag);
      for (; equal != 0; equal &= equal - 1) {
        const std::uint32_t id =
            here.ids[static_cast<std::size_t>(std::countr_zero(equal))].load(
                std::memory_order_acquire);
        if (is(id))
          return id;
      }
      if (!table_bucket::is_passed(high))
        break;
      at = (at + 1) & (bucket_count - 1);
    }
    return no_index;
  }

  /// The first entry with the hash's tag, or no_index.
  std::uint32_t peek(std::uint64_t hash) const {
    return find(hash, [](std::uint32_t) { return true; });
  }

  /// False when every place is taken.
  [[gnu::always_inline]] bool put(std::uint64_t hash, std::uint32_t id) {
    const std::uint32_t home = bucket_of(hash);
    const std::uint32_t free = free_of(home);
    if (free == 0)
      return put_beyond(home, tag_of(hash), id);
    buckets[home].fill(first_of(free), tag_of(hash), id);
    ++count;
    return true;
  }

  /// False when it is not there.
  [[gnu::always_inline]] bool erase(std::uint64_t hash, std::uint32_t id) {
    const std::uint32_t home = bucket_of(hash);
    if (clear(home, tag_of(hash), id)) {
      --count;
      return true;
    }
    return erase_beyond(home, tag_of(hash), id);
  }

  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const table_bucket& one : buckets) {
      const std::uint32_t free = table_bucket::equal(one.low(), one.high(), 0);
      std::uint32_t used = ~free & 0xfff;
      for (; used != 0; used &= used - 1)
        visit(one.ids[static_cast<std::size_t>(std::countr_zero(used))].load(
            std::memory_order_relaxed));
    }
  }

 private:
  static std::uint32_t first_of(std::uint32_t found) {
    return static_cast<std::uint32_t>(std::countr_zero(found));
  }
  std::uint32_t free_of(std::uint32_t at) const {
    return table_bucket::equal(buckets[at].low(std::memory_order_relaxed),
                               buckets[at].high(std::memory_order_relaxed), 0);
  }

  /// Whether the entry was in this bucket.
  bool clear(std::uint32_t at, std::uint8_t tag, std::uint32_t id) {
    table_bucket& here = buckets[at];
    std::uint32_t equal = table_bucket::equal(here.low(), here.high(), tag);
    for (; equal != 0; equal &= equal - 1) {
      const std::uint32_t place = first_of(equal);
      if (here.ids[place].load(std::memory_order_relaxed) != id)
        continue;
      here.tag(place, 0);
      return true;
    }
    return false;
  }

  // From the second bucket on.
  [[gnu::noinline]] bool put_beyond(std::uint32_t home, std::uint8_t tag,
                                    std::uint32_t id) {
    if (count == places)
      return false;
    std::uint32_t at = home;
    std::uint32_t free = 0;
    while (free == 0) {
      at = (at + 1) & (bucket_count - 1);
      free = free_of(at);
    }
    buckets[at].fill(first_of(free), tag, id);
    count_passing(home, at, 1);
    ++count;
    return true;
  }
  [[gnu::noinline]] bool erase_beyond(std::uint32_t home, std::uint8_t tag,
                                      std::uint32_t id) {
    std::uint32_t at = home;
    for (std::uint32_t i = 1; i < bucket_count; ++i) {
      if (!table_bucket::is_passed(buckets[at].high()))
        return false;
      at = (at + 1) & (bucket_count - 1);
      if (clear(at, tag, id)) {
        count_passing(home, at, -1);
        --count;
        return true;
      }
    }
    return false;
  }

  void count_passing(std::uint32_t home, std::uint32_t at,
                     std::int64_t change) {
    for (; home != at; home = (home + 1) & (bucket_count - 1))
      buckets[home].count_passing(change);
  }
};

static_assert(sizeof(table_segment) == memory_count::piece_bytes);

} // namespace dynamo
