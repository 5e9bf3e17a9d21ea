#pragma once

#include <chrono>
#include <thread>

namespace dynamo {

/// Waits until a condition holds; false when it does not in time.
template <class Condition>
bool eventually(Condition holds,
                std::chrono::milliseconds within = std::chrono::seconds{60}) {
  const auto deadline = std::chrono::steady_clock::now() + within;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

} // namespace dynamo
