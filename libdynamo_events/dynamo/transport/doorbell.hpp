#pragma once

#include "dynamo/base/error.hpp"

#include <memory>

namespace dynamo {

/// Wakes a thread that polls: a file descriptor that is readable after ring()
/// until clear(). Thread-safe.
class doorbell {
 public:
  /// errc::io when the system has no descriptor left.
  static result<std::unique_ptr<doorbell>> make();

  ~doorbell();
  doorbell(const doorbell&) = delete;
  doorbell& operator=(const doorbell&) = delete;

  void ring();
  void clear();
  int descriptor() const { return descriptor_; }

 private:
  explicit doorbell(int descriptor)
      : descriptor_(descriptor) {}

  const int descriptor_;
};

} // namespace dynamo
