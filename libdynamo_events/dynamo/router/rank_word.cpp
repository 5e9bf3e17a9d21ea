#include "dynamo/router/rank_word.hpp"

#include <algorithm>
#include <array>
#include <new>

namespace dynamo {

namespace {

/// Lists are copied when they change, so they stay short; and a bitset of all
/// ranks is large, so they are not too short.
bool is_better_as_bits(std::uint32_t count, std::uint32_t words) {
  return count > 32 && count > words;
}

std::uint64_t inside_word(std::span<const std::uint16_t> ranks) {
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
  return is_spilled(word) ? spill_of(word).count : count(word);
}

} // namespace rank_word

bool rank_words::insert_outside(std::atomic<std::uint64_t>& word,
                                std::uint32_t rank) {
  const std::uint64_t now = word.load(std::memory_order_relaxed);
  if (!rank_word::is_spilled(now))
    return move_outside(word, rank);
  if (rank_word::spill_of(now).kind == rank_spill::form::list)
    return insert_listed(word, rank);
  return insert_bit(word, rank);
}

/// Of a word whose places are all taken.
bool rank_words::move_outside(std::atomic<std::uint64_t>& word,
                              std::uint32_t rank) {
  constexpr std::uint32_t count = rank_word::inside_max + 1;
  if (!retired_.memory().has_room(sizeof(rank_spill) + 64))
    return false;
  std::array<std::uint16_t, count> ranks{static_cast<std::uint16_t>(rank)};
  std::size_t filled = 1;
  rank_word::for_each(word.load(std::memory_order_relaxed),
                      [&](std::uint32_t one) {
                        ranks[filled++] = static_cast<std::uint16_t>(one);
                      });
  std::sort(ranks.begin(), ranks.end());
  rank_spill* const made = new_list(count);
  std::copy(ranks.begin(), ranks.end(), made->list());
  word.store(spilled_word(made), std::memory_order_release);
  return true;
}

bool rank_words::insert_listed(std::atomic<std::uint64_t>& word,
                               std::uint32_t rank) {
  const rank_spill& now =
      rank_word::spill_of(word.load(std::memory_order_relaxed));
  const auto ranks = now.listed();
  const std::uint32_t highest = std::max<std::uint32_t>(rank, ranks.back());
  const std::uint32_t words = highest / 64 + 1;
  const bool as_bits = is_better_as_bits(now.count + 1, words);
  if (!retired_.memory().has_room(sizeof(rank_spill) + 64 +
                                  (as_bits ? words * 8 : now.count * 2)))
    return false;
  rank_spill* made = nullptr;
  if (as_bits) {
    made = new_bits(words);
    const auto set = [&](std::uint32_t one) {
      made->word(one / 64).fetch_or(std::uint64_t{1} << one % 64,
                                    std::memory_order_relaxed);
    };
    std::for_each(ranks.begin(), ranks.end(), set);
    set(rank);
    made->count = now.count + 1;
  } else {
    made = new_list(now.count + 1);
    const auto at = std::lower_bound(ranks.begin(), ranks.end(), rank);
    auto* const gap = std::copy(ranks.begin(), at, made->list());
    *gap = static_cast<std::uint16_t>(rank);
    std::copy(at, ranks.end(), gap + 1);
  }
  replace(word, spilled_word(made));
  return true;
}

bool rank_words::insert_bit(std::atomic<std::uint64_t>& word,
                            std::uint32_t rank) {
  rank_spill* set = &rank_word::spill_of(word.load(std::memory_order_relaxed));
  if (rank / 64 >= set->words) {
    const std::uint32_t words = rank / 64 + 1;
    if (!retired_.memory().has_room(sizeof(rank_spill) + words * 8 + 32))
      return false;
    rank_spill* const grown = new_bits(words);
    for (std::uint32_t i = 0; i < set->words; ++i)
      grown->word(i).store(set->bits(i), std::memory_order_relaxed);
    grown->count = set->count;
    replace(word, spilled_word(grown));
    set = grown;
  }
  std::atomic<std::uint64_t>& bits = set->word(rank / 64);
  bits.store(bits.load(std::memory_order_relaxed) | std::uint64_t{1}
                                                        << rank % 64,
             std::memory_order_release);
  ++set->count;
  return true;
}

void rank_words::erase_outside(std::atomic<std::uint64_t>& word,
                               std::uint32_t rank) {
  const std::uint64_t now = word.load(std::memory_order_relaxed);
  rank_spill& set = rank_word::spill_of(now);
  // Half of the number at which it became a bitset.
  if (set.kind == rank_spill::form::bits &&
      set.count > std::max<std::uint32_t>(16, set.words / 2)) {
    std::atomic<std::uint64_t>& bits = set.word(rank / 64);
    bits.store(bits.load(std::memory_order_relaxed) &
                   ~(std::uint64_t{1} << rank % 64),
               std::memory_order_release);
    --set.count;
    return;
  }
  const std::uint32_t left = set.count - 1;
  std::array<std::uint16_t, rank_word::inside_max> few{};
  // One less than fits, so that a set at the edge does not move to and fro.
  const bool fits = left < rank_word::inside_max;
  rank_spill* const made = fits ? nullptr : new_list(left);
  std::uint16_t* to = fits ? few.data() : made->list();
  rank_word::for_each(now, [&](std::uint32_t one) {
    if (one != rank)
      *to++ = static_cast<std::uint16_t>(one);
  });
  replace(word, fits ? inside_word({few.data(), left}) : spilled_word(made));
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
