#pragma once

#include "dynamo/router/memory_count.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace dynamo {

/// Says when nobody looks any more at what the writer took out of sight.
///
/// Time is cut into epochs. A reader counts itself in under the parity of the
/// epoch that it sees; the writer begins the next epoch when nobody is counted
/// under the other parity. What went out of sight in an epoch is free two
/// epochs later: either parity was found empty since. A reader that counts
/// itself in late, under the wrong parity, only delays an epoch.
///
/// Thread-safe: `reading` for any number of threads, which never wait;
/// `advance` for one writer, which never waits either.
class reader_epochs {
 public:
  /// While it lives, nothing is freed that could be seen when it was made.
  class reading {
   public:
    explicit reading(const reader_epochs& epochs)
        : count_(epochs.count_in()) {}
    reading(const reading&) = delete;
    reading& operator=(const reading&) = delete;
    // Release: what was read was read before the count goes down.
    ~reading() { count_.fetch_sub(1, std::memory_order_release); }

   private:
    std::atomic<std::uint32_t>& count_;
  };

  /// Begins the next epoch if no reader stands in the way.
  bool advance() {
    const std::uint32_t now = epoch_.load(std::memory_order_relaxed);
    const std::size_t other = (now + 1) & 1;
    for (const stripe& one : stripes_) {
      if (one.counts[other].load(std::memory_order_relaxed) != 0)
        return false;
    }
    // A change of nothing takes its place in the order of all changes of the
    // count: a reader that comes later sees all that was done before.
    for (stripe& one : stripes_) {
      if (one.counts[other].fetch_add(0, std::memory_order_acq_rel) != 0)
        return false;
    }
    epoch_.store(now + 1, std::memory_order_release);
    return true;
  }

 private:
  /// Readers of different threads should not share a cache line.
  struct alignas(64) stripe {
    mutable std::array<std::atomic<std::uint32_t>, 2> counts{};
  };
  static constexpr std::size_t stripe_bits = 5;

  std::atomic<std::uint32_t>& count_in() const {
    // Threads have stacks of their own, so a local's address tells them apart.
    const char here = 0;
    const auto place = reinterpret_cast<std::uintptr_t>(&here) >> 16;
    const std::uint64_t spread = place * 0x9e3779b97f4a7c15U;
    const stripe& mine = stripes_[spread >> (64 - stripe_bits)];
    std::atomic<std::uint32_t>& count =
        mine.counts[epoch_.load(std::memory_order_acquire) & 1];
    count.fetch_add(1, std::memory_order_acq_rel);
    return count;
  }

  std::atomic<std::uint32_t> epoch_{0};
  std::array<stripe, 1U << stripe_bits> stripes_{};
};

/// The start of memory that readers may see.
struct shared_block {
  std::uint32_t bytes = 0;
  shared_block* next_retired = nullptr;
};

/// Memory that went out of sight and waits for its readers to leave.
class retired_blocks {
 public:
  explicit retired_blocks(memory_count& memory)
      : memory_(memory) {}
  retired_blocks(const retired_blocks&) = delete;
  retired_blocks& operator=(const retired_blocks&) = delete;
  ~retired_blocks() {
    end_epoch();
    end_epoch();
  }

  memory_count& memory() { return memory_; }

  void retire(shared_block* block) {
    block->next_retired = current_;
    current_ = block;
    ++waiting_;
  }

  /// Comes after an `advance`: what waited for it is given back.
  void end_epoch() {
    while (previous_ != nullptr) {
      shared_block* const next = previous_->next_retired;
      memory_.give_back(previous_, previous_->bytes);
      previous_ = next;
      --waiting_;
    }
    previous_ = current_;
    current_ = nullptr;
  }

  std::size_t waiting() const { return waiting_; }

 private:
  memory_count& memory_;
  shared_block* current_ = nullptr;
  shared_block* previous_ = nullptr;
  std::size_t waiting_ = 0;
};

} // namespace dynamo
