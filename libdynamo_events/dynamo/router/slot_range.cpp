#include "dynamo/router/slot_range.hpp"

#include <algorithm>
#include <functional>
#include <new>

namespace dynamo {

slot_range::slot_range(std::size_t slot_bytes, std::size_t bytes_max)
    : slot_bytes_(slot_bytes)
    , count_(std::max<std::size_t>(1, bytes_max / slot_bytes))
    , range_(count_ * slot_bytes) {}

void* slot_range::take() {
  if (free_ != nullptr) {
    void* const slot = free_;
    free_ = free_->next;
    ++taken_;
    return slot;
  }
  const std::size_t at = made_ * slot_bytes_;
  if (made_ == count_ || !range_.use(at, slot_bytes_))
    return nullptr;
  ++made_;
  ++taken_;
  return static_cast<std::byte*>(range_.begin()) + at;
}

void slot_range::give_back(void* slot) {
  if (--taken_ == 0) {
    range_.give_back(0, made_ * slot_bytes_);
    made_ = 0;
    free_ = nullptr;
    return;
  }
  free_ = new (slot) free_slot{free_};
}

bool slot_range::has(const void* memory) const {
  const auto* const begin = static_cast<const std::byte*>(range_.begin());
  const auto* const end = begin + count_ * slot_bytes_;
  return !std::less<>{}(memory, static_cast<const void*>(begin)) &&
         std::less<>{}(memory, static_cast<const void*>(end));
}

} // namespace dynamo
