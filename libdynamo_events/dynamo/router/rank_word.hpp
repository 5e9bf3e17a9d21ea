#pragma once

#include "dynamo/router/reader_epochs.hpp"

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

// A set of rank numbers in one word of a node, read by anybody while the one
// writer changes it:
//
//   bits 60 to 63   0 to 4: a list of so many, 14: a map, 15: outside
//   bits 0 to 59    numbers of 15 bits, ascending, the rest 0; or a bit for
//                   each of the numbers 0 to 59; or an address
//
// Up to four numbers are a list; more are a map, as long as all have been below
// 60 since they were four. So with few ranks nothing ever stands outside. What
// stands there is a bitset, changed in place, or, when that would be large for
// what is in it, a sorted list, replaced when it changes.

namespace dynamo {

/// Rank numbers stay below this.
inline constexpr std::uint32_t rank_numbers_max = 1U << 15;

/// A set of rank numbers outside of its node.
struct rank_spill : shared_block {
  enum class form : std::uint32_t { list, bits };

  form kind = form::list;
  /// Ranks in the set; of a bitset only the writer may look.
  std::uint32_t count = 0;
  /// Of a bitset.
  std::uint32_t words = 0;

  std::uint16_t* list() { return reinterpret_cast<std::uint16_t*>(this + 1); }
  std::span<const std::uint16_t> listed() const {
    return {reinterpret_cast<const std::uint16_t*>(this + 1), count};
  }
  std::atomic<std::uint64_t>& word(std::uint32_t i) const {
    auto* const first = reinterpret_cast<std::atomic<std::uint64_t>*>(
        const_cast<rank_spill*>(this) + 1);
    return first[i];
  }
  std::uint64_t bits(std::uint32_t i) const {
    return word(i).load(std::memory_order_acquire);
  }
};

namespace rank_word {

inline constexpr std::uint32_t listed_max = 4;
inline constexpr std::uint32_t mapped_bound = 60;
inline constexpr std::uint64_t mapped = std::uint64_t{14} << 60;
inline constexpr std::uint64_t spilled = std::uint64_t{15} << 60;

inline bool is_listed(std::uint64_t word) {
  return word < mapped;
}
inline bool is_mapped(std::uint64_t word) {
  return word >> 60 == mapped >> 60;
}
inline bool is_spilled(std::uint64_t word) {
  return word >= spilled;
}

/// Of a list.
inline std::uint32_t count(std::uint64_t word) {
  return static_cast<std::uint32_t>(word >> 60);
}
inline std::uint32_t at(std::uint64_t word, std::uint32_t i) {
  return static_cast<std::uint32_t>(word >> (15 * i)) & (rank_numbers_max - 1);
}

/// Of a map.
inline std::uint64_t map_of(std::uint64_t word) {
  return word & ~spilled;
}
/// A map, or a list if that is enough.
std::uint64_t from_map(std::uint64_t bits);

inline rank_spill& spill_of(std::uint64_t word) {
  return *reinterpret_cast<rank_spill*>(word & ~spilled);
}

/// In a list: compares all places at once, and looks only at those that are
/// taken.
inline bool contains_listed(std::uint64_t word, std::uint32_t rank) {
  constexpr std::uint64_t ones = 1 | 1ULL << 15 | 1ULL << 30 | 1ULL << 45;
  const std::uint64_t taken = (std::uint64_t{1} << (15 * count(word))) - 1;
  const std::uint64_t differ = (word & ~spilled) ^ (ones * rank);
  // The highest bit of a place that is zero, and at most of some above it.
  return ((differ - ones) & ~differ & (ones << 14) & taken) != 0;
}

bool contains_spilled(std::uint64_t word, std::uint32_t rank);

inline bool contains(std::uint64_t word, std::uint32_t rank) {
  if (is_listed(word))
    return contains_listed(word, rank);
  if (is_mapped(word))
    return rank < mapped_bound && (word >> rank & 1) != 0;
  return contains_spilled(word, rank);
}

/// The places before this one.
inline std::uint64_t places_below(std::uint32_t place) {
  return (std::uint64_t{1} << (15 * place)) - 1;
}

/// The list of one number.
inline std::uint64_t alone(std::uint32_t rank) {
  return std::uint64_t{1} << 60 | rank;
}

/// A list of less than four numbers and one that is not among them.
inline std::uint64_t with(std::uint64_t word, std::uint32_t rank) {
  std::uint32_t place = 0;
  while (place < count(word) && at(word, place) < rank)
    ++place;
  const std::uint64_t below = word & places_below(place);
  const std::uint64_t above = word & places_below(listed_max) & ~below;
  return std::uint64_t{count(word) + 1} << 60 | above << 15 |
         std::uint64_t{rank} << (15 * place) | below;
}

/// A list without one of its numbers.
inline std::uint64_t without(std::uint64_t word, std::uint32_t rank) {
  std::uint32_t place = 0;
  while (at(word, place) != rank)
    ++place;
  const std::uint64_t below = word & places_below(place);
  const std::uint64_t above =
      word & places_below(listed_max) & ~places_below(place + 1);
  return std::uint64_t{count(word) - 1} << 60 | above >> 15 | below;
}

/// Writer only.
std::uint32_t size(std::uint64_t word);

template <class Visit>
void for_each_bit(std::uint64_t bits, std::uint32_t base, Visit&& visit) {
  for (; bits != 0; bits &= bits - 1)
    visit(base + static_cast<std::uint32_t>(std::countr_zero(bits)));
}

/// Visits the ranks in ascending order.
template <class Visit>
void for_each(std::uint64_t word, Visit&& visit) {
  if (is_listed(word)) {
    for (std::uint32_t i = 0; i < count(word); ++i)
      visit(at(word, i));
    return;
  }
  if (is_mapped(word)) {
    for_each_bit(map_of(word), 0, visit);
    return;
  }
  const rank_spill& spill = spill_of(word);
  if (spill.kind == rank_spill::form::list) {
    for (const std::uint16_t rank : spill.listed())
      visit(std::uint32_t{rank});
    return;
  }
  for (std::uint32_t i = 0; i < spill.words; ++i)
    for_each_bit(spill.bits(i), i * 64, visit);
}

} // namespace rank_word

/// Changes rank words; writer only.
class rank_words {
 public:
  explicit rank_words(retired_blocks& retired)
      : retired_(retired) {}

  /// The rank must not be in the set. False when there is no memory.
  bool insert(std::atomic<std::uint64_t>& word, std::uint32_t rank) {
    const std::uint64_t now = word.load(std::memory_order_relaxed);
    if (rank_word::count(now) < rank_word::listed_max)
      word.store(rank_word::with(now, rank), std::memory_order_release);
    else if (rank_word::is_mapped(now) && rank < rank_word::mapped_bound)
      word.store(now | std::uint64_t{1} << rank, std::memory_order_release);
    else
      return insert_beyond(word, rank);
    return true;
  }
  /// The rank must be in the set.
  void erase(std::atomic<std::uint64_t>& word, std::uint32_t rank) {
    const std::uint64_t now = word.load(std::memory_order_relaxed);
    if (rank_word::is_listed(now))
      word.store(rank_word::without(now, rank), std::memory_order_release);
    else if (rank_word::is_mapped(now))
      word.store(rank_word::from_map(rank_word::map_of(now) &
                                     ~(std::uint64_t{1} << rank)),
                 std::memory_order_release);
    else
      erase_outside(word, rank);
  }
  /// False when the rank was not in the set.
  bool remove(std::atomic<std::uint64_t>& word, std::uint32_t rank) {
    const std::uint64_t now = word.load(std::memory_order_relaxed);
    if (now == rank_word::alone(rank))
      word.store(0, std::memory_order_release);
    else if (rank_word::contains(now, rank))
      erase(word, rank);
    else
      return false;
    return true;
  }
  /// Leaves nothing outside.
  void clear(std::atomic<std::uint64_t>& word);

 private:
  rank_spill* new_set(std::span<const std::uint16_t> ranks);
  rank_spill* new_list(std::uint32_t count);
  rank_spill* new_bits(std::uint32_t words);
  bool insert_beyond(std::atomic<std::uint64_t>& word, std::uint32_t rank);
  void erase_outside(std::atomic<std::uint64_t>& word, std::uint32_t rank);
  void replace(std::atomic<std::uint64_t>& word, std::uint64_t by);

  retired_blocks& retired_;
};

} // namespace dynamo
