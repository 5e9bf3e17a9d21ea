#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace dynamo {

/// A small ordered set of rank numbers: two lie inside, more on the heap.
class rank_set {
 public:
  rank_set() = default;
  rank_set(const rank_set&) = delete;
  rank_set& operator=(const rank_set&) = delete;
  ~rank_set();

  /// False when it was there already.
  bool insert(std::uint32_t rank);
  /// False when it was not there.
  bool erase(std::uint32_t rank);
  bool contains(std::uint32_t rank) const;

  /// In ascending order. Valid until the next change.
  std::span<const std::uint32_t> ranks() const { return {first(), size_}; }
  std::uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  std::uint64_t heap_bytes() const;

 private:
  static constexpr std::uint32_t inside = 2;

  bool is_inside() const { return capacity_ == inside; }
  const std::uint32_t* first() const { return is_inside() ? few_ : many_; }
  std::uint32_t* first() { return is_inside() ? few_ : many_; }
  void move_to(std::uint32_t capacity);

  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = inside;
  union {
    std::uint32_t few_[inside] = {};
    std::uint32_t* many_;
  };
};

} // namespace dynamo
