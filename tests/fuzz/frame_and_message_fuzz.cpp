#include "dynamo/wire/frame.hpp"
#include "dynamo/wire/zmq_message.hpp"

#include <algorithm>
#include <vector>

#include "fuzz/target.hpp"

using namespace dynamo;

namespace {

/// The input is parts, each behind its length in two bytes; a length beyond
/// the end takes what is left.
std::vector<byte_view> parts_of(byte_view input) {
  std::vector<byte_view> parts;
  while (input.size() >= 2 && parts.size() < 8) {
    const std::size_t length = load_u16_be(input.data());
    input = input.subspan(2);
    const std::size_t taken = std::min(length, input.size());
    parts.push_back(input.first(taken));
    input = input.subspan(taken);
  }
  return parts;
}

void check_frame(byte_view bytes) {
  const result<byte_view> payload = decode_frame(bytes);
  if (!payload) {
    return;
  }
  byte_buffer again;
  require(static_cast<bool>(encode_frame(*payload, again)), "it encodes");
  require(again.size() <= bytes.size() &&
              std::equal(again.begin(), again.end(), bytes.begin()),
          "a frame that was accepted encodes to the same bytes");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  const byte_view input{bytes, size};
  check_frame(input);
  const std::vector<byte_view> parts = parts_of(input);
  for (const byte_view part : parts) {
    check_frame(part);
  }
  const auto outcome = check_zmq_message(parts, "kv-events");
  if (std::holds_alternative<zmq_message>(outcome)) {
    require(parts.size() == zmq_message_parts &&
                text_of(parts[0]) == "kv-events",
            "what was accepted has four parts and the topic");
    require(decode_frame(parts[3])->data() ==
                std::get<zmq_message>(outcome).envelope.data(),
            "the envelope is the payload of part 3");
  }
  return 0;
}
