#pragma once

#include "dynamo/router/reserved_range.hpp"

#include <cstddef>

namespace dynamo {

/// Memory for blocks of one size next to each other, so that a few huge pages
/// hold all of them. What is given back is used again, and goes back to the
/// system when nothing is in use any more.
///
/// Not thread-safe; a block may be read and written by any thread.
class slot_range {
 public:
  /// Throws as reserved_range does.
  slot_range(std::size_t slot_bytes, std::size_t bytes_max);
  slot_range(const slot_range&) = delete;
  slot_range& operator=(const slot_range&) = delete;

  /// nullptr when every slot is taken, or the system has no memory.
  void* take();
  void give_back(void* slot);

  bool has(const void* memory) const;

 private:
  /// What stands in a free slot.
  struct free_slot {
    free_slot* next = nullptr;
  };

  std::size_t slot_bytes_;
  std::size_t count_;
  reserved_range range_;
  /// Slots that there ever were, since nothing was in use.
  std::size_t made_ = 0;
  std::size_t taken_ = 0;
  free_slot* free_ = nullptr;
};

} // namespace dynamo
