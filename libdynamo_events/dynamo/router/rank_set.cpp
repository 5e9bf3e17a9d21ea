#include "dynamo/router/rank_set.hpp"

#include <algorithm>

namespace dynamo {

rank_set::~rank_set() {
  if (!is_inside())
    delete[] many_;
}

bool rank_set::contains(std::uint32_t rank) const {
  return std::binary_search(first(), first() + size_, rank);
}

bool rank_set::insert(std::uint32_t rank) {
  const auto at = std::lower_bound(first(), first() + size_, rank) - first();
  if (at < size_ && first()[at] == rank)
    return false;
  if (size_ == capacity_)
    move_to(capacity_ * 2);
  std::copy_backward(first() + at, first() + size_, first() + size_ + 1);
  first()[at] = rank;
  ++size_;
  return true;
}

bool rank_set::erase(std::uint32_t rank) {
  const auto at = std::lower_bound(first(), first() + size_, rank) - first();
  if (at == size_ || first()[at] != rank)
    return false;
  std::copy(first() + at + 1, first() + size_, first() + at);
  --size_;
  // A quarter, so that a set at the edge does not move to and fro.
  if (!is_inside() && size_ <= capacity_ / 4)
    move_to(std::max(inside, capacity_ / 2));
  return true;
}

void rank_set::move_to(std::uint32_t capacity) {
  std::uint32_t* const old = is_inside() ? nullptr : many_;
  if (capacity == inside) {
    std::uint32_t kept[inside] = {};
    std::copy(first(), first() + size_, kept);
    std::copy(kept, kept + inside, few_);
  } else {
    auto* const grown = new std::uint32_t[capacity];
    std::copy(first(), first() + size_, grown);
    many_ = grown;
  }
  capacity_ = capacity;
  delete[] old;
}

std::uint64_t rank_set::heap_bytes() const {
  return is_inside() ? 0 : std::uint64_t{capacity_} * sizeof(std::uint32_t);
}

} // namespace dynamo
