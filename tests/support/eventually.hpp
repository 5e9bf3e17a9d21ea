#pragma once

#include <chrono>
#include <thread>

namespace dynamo {

/// Waits until a condition holds; false when it does not within ten seconds.
template <class Condition>
bool eventually(Condition holds) {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

} // namespace dynamo
