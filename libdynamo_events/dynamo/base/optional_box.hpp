#pragma once

#include <memory>
#include <utility>

namespace dynamo {

/// A value that is rarely there, in the room of one pointer: used, copied and
/// compared as std::optional is, but on the heap. For the member that few of
/// many small objects have.
template <class T>
class optional_box {
 public:
  optional_box() = default;
  // Implicit, so that whoever has a T has one that is there.
  optional_box(T value)
      : value_(std::make_unique<T>(std::move(value))) {}
  optional_box(const optional_box& other)
      : value_(other ? std::make_unique<T>(*other) : nullptr) {}
  /// Leaves `other` without a value.
  optional_box(optional_box&& other) noexcept = default;
  optional_box& operator=(const optional_box& other) {
    return *this = optional_box{other};
  }
  optional_box& operator=(optional_box&&) noexcept = default;
  ~optional_box() = default;

  explicit operator bool() const { return value_ != nullptr; }
  bool has_value() const { return value_ != nullptr; }

  const T& operator*() const { return *value_; }
  T& operator*() { return *value_; }
  const T* operator->() const { return value_.get(); }
  T* operator->() { return value_.get(); }

  /// Replaces what is there.
  template <class... Args>
  T& emplace(Args&&... args) {
    value_ = std::make_unique<T>(std::forward<Args>(args)...);
    return *value_;
  }
  void reset() { value_.reset(); }

  friend bool operator==(const optional_box& left, const optional_box& right) {
    if (!left || !right)
      return !left && !right;
    return *left == *right;
  }

 private:
  std::unique_ptr<T> value_;
};

} // namespace dynamo
