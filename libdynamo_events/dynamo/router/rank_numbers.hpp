#pragma once

#include "dynamo/events/kv_cache.hpp"
#include "dynamo/events/sequence.hpp"
#include "dynamo/router/rank_word.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace dynamo {

/// Small numbers for ranks, as nodes hold them. A number that is retired counts
/// for nothing from then on, wherever it still stands; it is given again once a
/// sweep has taken it out everywhere and all readers that may have seen it
/// have left.
///
/// Thread-safe: what is marked "any thread" for any reader inside a
/// `reader_epochs::reading`; everything else for one writer.
class rank_numbers {
 public:
  /// host_pinned, disk, external.
  static constexpr std::size_t lower_count = storage_tier_count - 1;

  struct entry {
    worker_rank rank;
    std::atomic<bool> live{false};
    /// Blocks in the tiers below the device.
    std::array<std::atomic<std::uint32_t>, lower_count> lower{};
    /// Blocks under names of its own.
    std::atomic<std::uint32_t> aliases{0};
  };

  explicit rank_numbers(retired_blocks& retired);
  rank_numbers(const rank_numbers&) = delete;
  rank_numbers& operator=(const rank_numbers&) = delete;
  ~rank_numbers();

  /// Any thread: the number must have been given once.
  entry& operator[](std::uint32_t number) const {
    return chunks_[number / chunk_size]
        .load(std::memory_order_acquire)
        ->at(number % chunk_size);
  }
  /// Any thread.
  bool is_live(std::uint32_t number) const {
    return (*this)[number].live.load(std::memory_order_acquire);
  }
  /// Any thread: all numbers lie below.
  std::uint32_t bound() const { return bound_.load(std::memory_order_acquire); }

  /// A number for the rank; no_index when there is none, or no memory.
  std::uint32_t take(const worker_rank& rank);

  void retire(std::uint32_t number);

  /// Whether numbers wait for a sweep.
  bool are_retired() const { return !retired_.empty() || !swept_.empty(); }
  /// What is retired by now is what the sweep will take out.
  void begin_sweep();
  void end_sweep();
  /// Comes after an `advance` of the epochs.
  void end_epoch();
  /// Numbers that wait for readers.
  std::size_t waiting() const { return current_.size() + previous_.size(); }

 private:
  static constexpr std::uint32_t chunk_size = 256;
  using chunk = std::array<entry, chunk_size>;
  using list = std::vector<std::uint16_t, counted_allocator<std::uint16_t>>;

  static void append(list& to, list& from);

  memory_count& memory_;
  std::array<std::atomic<chunk*>, rank_numbers_max / chunk_size> chunks_{};
  std::atomic<std::uint32_t> bound_{0};
  list free_;
  list retired_;
  list swept_;
  list current_;
  list previous_;
};

} // namespace dynamo
