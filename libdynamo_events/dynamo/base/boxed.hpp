#pragma once

#include <memory>
#include <utility>

namespace dynamo {

/// A value that lives on the heap and is copied, compared and moved as if it
/// did not: for the one large member of a union of small ones. Never empty, but
/// after it was moved from, when it may only be assigned to or destroyed.
template <class T>
class boxed {
 public:
  boxed()
      : value_(std::make_unique<T>()) {}
  // Implicit, so that whoever has a T has a boxed one.
  boxed(T value)
      : value_(std::make_unique<T>(std::move(value))) {}
  boxed(const boxed& other)
      : value_(std::make_unique<T>(*other)) {}
  boxed(boxed&&) noexcept = default;
  boxed& operator=(const boxed& other) { return *this = boxed{other}; }
  boxed& operator=(boxed&&) noexcept = default;
  ~boxed() = default;

  const T& operator*() const { return *value_; }
  T& operator*() { return *value_; }
  const T* operator->() const { return value_.get(); }
  T* operator->() { return value_.get(); }
  operator const T&() const { return *value_; }

  friend bool operator==(const boxed& left, const boxed& right) {
    return *left == *right;
  }

 private:
  std::unique_ptr<T> value_;
};

} // namespace dynamo
