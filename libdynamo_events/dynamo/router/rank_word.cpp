#include "dynamo/router/rank_word.hpp"

#include <algorithm>
#include <bit>
#include <new>
#include <vector>

namespace dynamo {

namespace {

/// Lists are copied when they change, which costs more than the memory of a
/// bitset of a few hundred ranks, or of one that is filled a little.
bool is_better_as_bits(std::uint32_t count, std::uint32_t words) {
  constexpr std::uint32_t small = 8;
  return words <= small || count >= words;
}

/// Half of the number at which it became one.
bool stays_as_bits(std::uint32_t count, std::uint32_t words) {
  return is_better_as_bits(count * 2, words);
}

std::uint32_t words_for(std::uint32_t rank) {
  return rank / 64 + 1;
}

std::uint64_t listed_word(std::span<const std::uint16_t> ranks) {
  std::uint64_t word = std::uint64_t{ranks.size()} << 60;
  for (std::size_t i = 0; i < ranks.size(); ++i)
    word |= std::uint64_t{ranks[i]} << (15 * i);
  return word;
}

std::uint64_t spilled_word(const rank_spill* spill) {
  return rank_word::spilled | reinterpret_cast<std::uintptr_t>(spill);
}

} // namespace

namespace rank_word {

bool contains_spilled(std::uint64_t word, std::uint32_t rank) {
  const rank_spill& spill = spill_of(word);
  if (spill.kind == rank_spill::form::list) {
    const auto ranks = spill.listed();
    return std::binary_search(ranks.begin(), ranks.end(), rank);
  }
  return rank / 64 < spill.words && (spill.bits(rank / 64) >> rank % 64 & 1);
}

std::uint32_t size(std::uint64_t word) {
  if (is_listed(word))
    return count(word);
  return is_mapped(word)
             ? static_cast<std::uint32_t>(std::popcount(map_of(word)))
             : spill_of(word).count;
}

std::uint64_t from_map(std::uint64_t bits) {
  const auto size = static_cast<std::uint32_t>(std::popcount(bits));
  if (size > listed_max)
    return mapped | bits;
  std::uint64_t word = std::uint64_t{size} << 60;
  std::uint32_t place = 0;
  for_each_bit(bits, 0, [&](std::uint32_t rank) {
    word |= std::uint64_t{rank} << (15 * place++);
  });
  return word;
}

} // namespace rank_word

/// What the word as it is has no room for.
bool rank_words::insert_beyond(std::atomic<std::uint64_t>& word,
                               std::uint32_t rank) {
  const std::uint64_t now = word.load(std::memory_order_relaxed);
  if (rank_word::is_spilled(now)) {
    rank_spill& set = rank_word::spill_of(now);
    if (set.kind == rank_spill::form::bits && rank / 64 < set.words) {
      std::atomic<std::uint64_t>& bits = set.word(rank / 64);
      bits.store(bits.load(std::memory_order_relaxed) | std::uint64_t{1}
                                                            << rank % 64,
                 std::memory_order_release);
      ++set.count;
      return true;
    }
  }
  std::vector<std::uint16_t> ranks;
  ranks.reserve(rank_word::size(now) + 1);
  rank_word::for_each(now, [&](std::uint32_t one) {
    ranks.push_back(static_cast<std::uint16_t>(one));
  });
  ranks.insert(std::lower_bound(ranks.begin(), ranks.end(), rank),
               static_cast<std::uint16_t>(rank));
  if (!rank_word::is_spilled(now) && ranks.back() < rank_word::mapped_bound) {
    std::uint64_t bits = 0;
    for (const std::uint16_t one : ranks)
      bits |= std::uint64_t{1} << one;
    word.store(rank_word::from_map(bits), std::memory_order_release);
    return true;
  }
  const std::size_t bytes =
      std::max(ranks.size() * sizeof(std::uint16_t),
               words_for(ranks.back()) * sizeof(std::uint64_t));
  if (!retired_.memory().has_room(sizeof(rank_spill) + 64 + bytes))
    return false;
  replace(word, spilled_word(new_set(ranks)));
  return true;
}

void rank_words::erase_outside(std::atomic<std::uint64_t>& word,
                               std::uint32_t rank) {
  const std::uint64_t now = word.load(std::memory_order_relaxed);
  rank_spill& set = rank_word::spill_of(now);
  const std::uint32_t left = set.count - 1;
  // One less than fits, so that a set at the edge does not move to and fro.
  const bool fits = left < rank_word::listed_max;
  if (!fits && set.kind == rank_spill::form::bits &&
      stays_as_bits(left, set.words)) {
    std::atomic<std::uint64_t>& bits = set.word(rank / 64);
    bits.store(bits.load(std::memory_order_relaxed) &
                   ~(std::uint64_t{1} << rank % 64),
               std::memory_order_release);
    --set.count;
    return;
  }
  std::vector<std::uint16_t> ranks;
  ranks.reserve(left);
  rank_word::for_each(now, [&](std::uint32_t one) {
    if (one != rank)
      ranks.push_back(static_cast<std::uint16_t>(one));
  });
  replace(word, fits ? listed_word(ranks) : spilled_word(new_set(ranks)));
}

void rank_words::clear(std::atomic<std::uint64_t>& word) {
  replace(word, 0);
}

void rank_words::replace(std::atomic<std::uint64_t>& word, std::uint64_t by) {
  const std::uint64_t old = word.load(std::memory_order_relaxed);
  word.store(by, std::memory_order_release);
  if (rank_word::is_spilled(old))
    retired_.retire(&rank_word::spill_of(old));
}

/// Of sorted numbers.
rank_spill* rank_words::new_set(std::span<const std::uint16_t> ranks) {
  const auto count = static_cast<std::uint32_t>(ranks.size());
  const std::uint32_t words = words_for(ranks.back());
  if (!is_better_as_bits(count, words)) {
    rank_spill* const made = new_list(count);
    std::copy(ranks.begin(), ranks.end(), made->list());
    return made;
  }
  rank_spill* const made = new_bits(words);
  for (const std::uint16_t rank : ranks)
    made->word(rank / 64).fetch_or(std::uint64_t{1} << rank % 64,
                                   std::memory_order_relaxed);
  made->count = count;
  return made;
}

rank_spill* rank_words::new_list(std::uint32_t count) {
  const std::size_t bytes = sizeof(rank_spill) + count * sizeof(std::uint16_t);
  auto* const made = new (retired_.memory().take(bytes)) rank_spill;
  made->bytes = static_cast<std::uint32_t>(bytes);
  made->count = count;
  return made;
}

rank_spill* rank_words::new_bits(std::uint32_t words) {
  const std::size_t bytes = sizeof(rank_spill) + words * sizeof(std::uint64_t);
  auto* const made = new (retired_.memory().take(bytes)) rank_spill;
  made->bytes = static_cast<std::uint32_t>(bytes);
  made->kind = rank_spill::form::bits;
  made->words = words;
  for (std::uint32_t i = 0; i < words; ++i)
    new (&made->word(i)) std::atomic<std::uint64_t>{0};
  return made;
}

} // namespace dynamo
