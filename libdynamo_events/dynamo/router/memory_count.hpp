#pragma once

#include "dynamo/router/slot_range.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>

namespace dynamo {

/// Counts the memory of one index against its limit: what is asked for, plus
/// what the allocator adds.
///
/// Containers that may refuse ask `has_room` first. A small reserve below the
/// limit is left for what cannot be refused, such as the copy of a set from
/// which one rank is taken.
class memory_count {
 public:
  /// The size of the pieces that tables grow by; they stand together.
  static constexpr std::size_t piece_bytes = 64 + 128 * 64;

  explicit memory_count(std::uint64_t bytes_max)
      : max_(bytes_max)
      , reserve_(std::min<std::uint64_t>(64 * 1024, bytes_max / 16))
      , pieces_(piece_bytes, static_cast<std::size_t>(std::min<std::uint64_t>(
                                 bytes_max, addresses_max))) {}
  memory_count(const memory_count&) = delete;
  memory_count& operator=(const memory_count&) = delete;

  std::uint64_t used() const { return used_; }
  std::uint64_t max() const { return max_ - reserve_; }

  bool has_room(std::size_t bytes) const { return used_ + bytes <= max(); }

  /// Memory, aligned to a cache line when it is large. Never refuses.
  void* take(std::size_t bytes) {
    if (bytes == piece_bytes) {
      if (void* const piece = pieces_.take()) {
        used_ += piece_bytes;
        return piece;
      }
    }
    used_ += cost(bytes);
    return ::operator new(bytes, alignment(bytes));
  }

  /// For memory that comes from elsewhere.
  void add(std::size_t bytes) { used_ += bytes; }
  void take_off(std::size_t bytes) { used_ -= bytes; }

  void give_back(void* memory, std::size_t bytes) {
    if (bytes == piece_bytes && pieces_.has(memory)) {
      used_ -= piece_bytes;
      pieces_.give_back(memory);
      return;
    }
    used_ -= cost(bytes);
    ::operator delete(memory, alignment(bytes));
  }

 private:
  static std::align_val_t alignment(std::size_t bytes) {
    return std::align_val_t{bytes >= 1024 ? 64U : 16U};
  }
  static std::uint64_t cost(std::size_t bytes) {
    // glibc: eight bytes of its own, rounded up; more before aligned memory.
    return (bytes + 8 + 15) / 16 * 16 + (bytes >= 1024 ? 64 : 0);
  }

  /// As much as any index will ever have.
  static constexpr std::uint64_t addresses_max = std::uint64_t{1} << 36;

  std::uint64_t max_;
  std::uint64_t reserve_;
  std::uint64_t used_ = 0;
  slot_range pieces_;
};

/// Lets a standard container's memory be counted.
template <class Value>
class counted_allocator {
 public:
  using value_type = Value;

  explicit counted_allocator(memory_count& memory)
      : memory_(&memory) {}
  template <class Other>
  counted_allocator(const counted_allocator<Other>& other)
      : memory_(&other.memory()) {}

  Value* allocate(std::size_t count) {
    return static_cast<Value*>(memory_->take(count * sizeof(Value)));
  }
  void deallocate(Value* memory, std::size_t count) {
    memory_->give_back(memory, count * sizeof(Value));
  }
  memory_count& memory() const { return *memory_; }

  template <class Other>
  bool operator==(const counted_allocator<Other>& other) const {
    return memory_ == &other.memory();
  }

 private:
  memory_count* memory_;
};

} // namespace dynamo
