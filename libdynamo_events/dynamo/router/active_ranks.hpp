#pragma once

#include "dynamo/router/rank_word.hpp"

#include <array>
#include <bit>
#include <cstdint>

namespace dynamo {

/// The ranks that hold all blocks of a walk so far: a rank word with nothing
/// outside as long as that can be, else a bitset.
class active_ranks {
 public:
  /// All that hold the first block.
  void start(std::uint64_t word) {
    if (!rank_word::is_spilled(word)) {
      is_few_ = true;
      few_ = word;
      return;
    }
    is_few_ = false;
    words_ = to_bits(word, bits_);
  }

  bool is_empty() const { return is_few_ && few_ == 0; }

  /// Keeps those that are in `word`, too; `left(rank)` hears of the others.
  template <class Left>
  void keep(std::uint64_t word, Left&& left) {
    // The same word is the same set.
    if (is_few_ && word == few_)
      return;
    if (is_few_ && rank_word::is_listed(few_))
      keep_few(word, left);
    else if (is_few_)
      keep_mapped(word, left);
    else
      keep_bits(word, left);
  }

  template <class Visit>
  void for_each(Visit&& visit) const {
    if (is_few_) {
      rank_word::for_each(few_, visit);
      return;
    }
    for (std::uint32_t i = 0; i < words_; ++i)
      rank_word::for_each_bit(bits_[i], i * 64, visit);
  }

 private:
  static constexpr std::uint32_t words_max = rank_numbers_max / 64;
  using bitset = std::array<std::uint64_t, words_max>;

  template <class Left>
  void keep_few(std::uint64_t word, Left&& left) {
    std::uint64_t kept = 0;
    std::uint32_t count = 0;
    rank_word::for_each(few_, [&](std::uint32_t rank) {
      if (rank_word::contains(word, rank))
        kept |= std::uint64_t{rank} << (15 * count++);
      else
        left(rank);
    });
    few_ = kept | std::uint64_t{count} << 60;
  }

  template <class Left>
  void keep_mapped(std::uint64_t word, Left&& left) {
    const std::uint64_t before = rank_word::map_of(few_);
    std::uint64_t held = 0;
    if (rank_word::is_mapped(word)) {
      held = rank_word::map_of(word);
    } else {
      rank_word::for_each_bit(before, 0, [&](std::uint32_t rank) {
        held |= std::uint64_t{rank_word::contains(word, rank)} << rank;
      });
    }
    rank_word::for_each_bit(before & ~held, 0, left);
    few_ = rank_word::from_map(before & held);
  }

  template <class Left>
  void keep_bits(std::uint64_t word, Left&& left) {
    bitset there;
    const bool in_place =
        rank_word::is_spilled(word) &&
        rank_word::spill_of(word).kind == rank_spill::form::bits;
    const rank_spill* const set =
        in_place ? &rank_word::spill_of(word) : nullptr;
    const std::uint32_t words = in_place ? set->words : to_bits(word, there);
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < words_; ++i) {
      std::uint64_t held = 0;
      if (i < words)
        held = in_place ? set->bits(i) : there[i];
      if (const std::uint64_t lost = bits_[i] & ~held; lost != 0) {
        rank_word::for_each_bit(lost, i * 64, left);
        bits_[i] &= held;
      }
      count += static_cast<std::uint32_t>(std::popcount(bits_[i]));
    }
    if (count <= rank_word::listed_max)
      become_few(count);
  }

  void become_few(std::uint32_t count) {
    std::uint64_t word = std::uint64_t{count} << 60;
    std::uint32_t at = 0;
    for_each([&](std::uint32_t rank) {
      word |= std::uint64_t{rank} << (15 * at++);
    });
    is_few_ = true;
    few_ = word;
  }

  /// Returns how many words it set.
  static std::uint32_t to_bits(std::uint64_t word, bitset& bits) {
    std::uint32_t words = 0;
    const auto reach = [&](std::uint32_t end) {
      for (; words < end; ++words)
        bits[words] = 0;
    };
    if (rank_word::is_spilled(word) &&
        rank_word::spill_of(word).kind == rank_spill::form::bits) {
      const rank_spill& set = rank_word::spill_of(word);
      for (; words < set.words; ++words)
        bits[words] = set.bits(words);
      return words;
    }
    rank_word::for_each(word, [&](std::uint32_t rank) {
      reach(rank / 64 + 1);
      bits[rank / 64] |= std::uint64_t{1} << rank % 64;
    });
    return words;
  }

  bool is_few_ = true;
  std::uint64_t few_ = 0;
  std::uint32_t words_ = 0;
  /// Left as it is until it is needed.
  bitset bits_;
};

} // namespace dynamo
