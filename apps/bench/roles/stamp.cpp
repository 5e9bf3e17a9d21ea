#include "apps/bench/roles/stamp.hpp"

#include <algorithm>
#include <cstring>

namespace dynamo::apps {

namespace {

// Every machine that the benchmark runs on is little-endian; others would
// still agree with themselves.
void store(std::uint8_t* to, std::uint64_t value) {
  std::memcpy(to, &value, sizeof value);
}

std::uint64_t load(const std::uint8_t* from) {
  std::uint64_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return value;
}

} // namespace

void store_stamp(const stamp& value, std::span<std::uint8_t> payload) {
  store(payload.data(), value.index);
  store(payload.data() + 8, value.sent_at_ns);
}

std::optional<stamp> load_stamp(byte_view payload) {
  if (payload.size() < stamp_bytes) {
    return std::nullopt;
  }
  return stamp{load(payload.data()), load(payload.data() + 8)};
}

byte_buffer stamped_payload(std::size_t size_bytes) {
  return byte_buffer(std::max(size_bytes, stamp_bytes), 0x5a);
}

} // namespace dynamo::apps
