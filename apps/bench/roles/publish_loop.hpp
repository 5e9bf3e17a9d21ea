#pragma once

#include "apps/bench/roles/ends.hpp"

#include <cstdint>
#include <vector>

namespace dynamo::apps {

/// Messages of some publishers, one after the other, in portions.
class publish_loop {
 public:
  /// Of each publisher `count` messages, `rate` a second (0: no pause) in
  /// bursts of `burst`.
  struct plan {
    std::vector<std::size_t> publishers;
    std::uint64_t count = 0;
    double rate = 0;
    std::uint64_t burst = 1;
    std::size_t payload_bytes = 0;
    /// What is added to every index: stamp::warm_up_bit, or nothing.
    std::uint64_t index_base = 0;
  };

  publish_loop(outlets& to, plan wanted);

  /// Sends some; false when all are sent.
  bool step();

  std::uint64_t sent() const { return sent_; }
  std::uint64_t failed() const { return failed_; }

 private:
  void wait_for_tick();
  void send_one(std::size_t publisher, std::uint64_t index);

  outlets& to_;
  const plan plan_;
  const std::uint64_t began_ns_;
  byte_buffer payload_;
  /// Of all messages of all publishers.
  std::uint64_t next_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t failed_ = 0;
};

} // namespace dynamo::apps
