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
struct alignas(64) table_bucket {
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

  /// The same for the writer, which needs no order: both words at once.
  [[gnu::always_inline]] std::uint32_t equal_now(std::uint8_t tag) const {
#if defined(__SSE2__)
    const __m128i all = _mm_load_si128(reinterpret_cast<const __m128i*>(&tags));
    const __m128i wanted = _mm_set1_epi8(static_cast<char>(tag));
    const int mask = _mm_movemask_epi8(_mm_cmpeq_epi8(all, wanted));
    return static_cast<std::uint32_t>(mask) & 0xfff;
#else
    return equal(low(std::memory_order_relaxed),
                 high(std::memory_order_relaxed), tag);
#endif
  }

  static bool is_passed(std::uint64_t high) {
    return high >> 32 != 0;
  }

  // -- The writer

  /// The first entry here with the tag of which `is(id)`, or no_index.
  template <class Is>
  [[gnu::always_inline]] std::uint32_t find(std::uint8_t tag, Is&& is) const {
    std::uint32_t equal = equal_now(tag);
    for (; equal != 0; equal &= equal - 1) {
      const std::uint32_t id =
          ids[first_of(equal)].load(std::memory_order_relaxed);
      if (is(id))
        return id;
    }
    return no_index;
  }

  /// False when every place is taken.
  [[gnu::always_inline]] bool put(std::uint8_t tag, std::uint32_t id) {
    const std::uint32_t free = equal_now(0);
    if (free == 0)
      return false;
    const std::uint32_t place = first_of(free);
    ids[place].store(id, std::memory_order_release);
    toggle(place, tag);
    return true;
  }
  /// False when it is not here.
  [[gnu::always_inline]] bool erase(std::uint8_t tag, std::uint32_t id) {
    std::uint32_t equal = equal_now(tag);
    for (; equal != 0; equal &= equal - 1) {
      const std::uint32_t place = first_of(equal);
      if (ids[place].load(std::memory_order_relaxed) != id)
        continue;
      toggle(place, tag);
      return true;
    }
    return false;
  }
  /// A bit for each place that is taken.
  std::uint32_t used() const {
    return ~equal_now(0) & 0xfff;
  }
  bool is_empty() const {
    return low(std::memory_order_relaxed) == 0 &&
           static_cast<std::uint32_t>(high(std::memory_order_relaxed)) == 0;
  }
  void count_passing(std::int64_t change) {
    tags[1].store(high(std::memory_order_relaxed) +
                      (static_cast<std::uint64_t>(change) << 32),
                  std::memory_order_release);
  }

  static std::uint32_t first_of(std::uint32_t found) {
    return static_cast<std::uint32_t>(std::countr_zero(found));
  }

 private:
  /// Gives a free place the tag, or frees one that has it; release, for who
  /// sees the tag must see the number.
  void toggle(std::uint32_t place, std::uint8_t tag) {
    // By a number: a branch would go wrong every third time.
    std::atomic<std::uint64_t>& word = tags[place / 8];
    word.store(word.load(std::memory_order_relaxed) ^ std::uint64_t{tag}
                                                          << (place * 8 & 63),
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
  /// Entries that are not in the bucket of their hash. What is changed with
  /// every entry would be one more cache line to wait for; these are few, and
  /// tell how full the segment is as well.
  std::uint32_t beyond = 0;
  /// How often a bucket became empty.
  std::uint32_t emptied = 0;
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
        const std::uint32_t id = here.ids[table_bucket::first_of(equal)].load(
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

  // -- The writer, which has the bucket of the hash already

  /// False when every place is taken.
  bool put(std::uint64_t hash, std::uint32_t id) {
    return buckets[bucket_of(hash)].put(tag_of(hash), id) ||
           put_beyond(bucket_of(hash), tag_of(hash), id);
  }

  /// False when it is not there.
  [[gnu::always_inline]] bool erase(table_bucket& home, std::uint64_t hash,
                                    std::uint32_t id) {
    return home.erase(tag_of(hash), id) ||
           erase_beyond(bucket_of(hash), tag_of(hash), id);
  }

  /// How many entries there are: looks at all buckets.
  std::uint32_t count() const {
    std::uint32_t all = 0;
    for (const table_bucket& one : buckets)
      all += static_cast<std::uint32_t>(std::popcount(one.used()));
    return all;
  }

  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const table_bucket& one : buckets) {
      std::uint32_t used = one.used();
      for (; used != 0; used &= used - 1)
        visit(one.ids[table_bucket::first_of(used)].load(
            std::memory_order_relaxed));
    }
  }

 private:
  // From the second bucket on.
  [[gnu::noinline]] bool put_beyond(std::uint32_t home, std::uint8_t tag,
                                    std::uint32_t id) {
    std::uint32_t at = home;
    do {
      at = (at + 1) & (bucket_count - 1);
      if (at == home)
        return false;
    } while (!buckets[at].put(tag, id));
    count_passing(home, at, 1);
    ++beyond;
    return true;
  }
  [[gnu::noinline]] bool erase_beyond(std::uint32_t home, std::uint8_t tag,
                                      std::uint32_t id) {
    std::uint32_t at = home;
    for (std::uint32_t i = 1; i < bucket_count; ++i) {
      if (!table_bucket::is_passed(buckets[at].high()))
        return false;
      at = (at + 1) & (bucket_count - 1);
      if (buckets[at].erase(tag, id)) {
        count_passing(home, at, -1);
        --beyond;
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
