// The library without the actors: a message is written and read again, and
// tokens are hashed.
#include <dynamo/router/block_hash.hpp>
#include <dynamo/wire/envelope_codec.hpp>
#include <dynamo/wire/frame.hpp>

#include <cstdint>
#include <cstdio>
#include <numeric>
#include <vector>

int main() {
  const dynamo::envelope sent{.publisher_id = 7,
                              .sequence = 0,
                              .published_at_ms = 1767225600000,
                              .topic = "kv-events",
                              .payload = dynamo::bytes_of("payload")};
  dynamo::byte_buffer envelope;
  dynamo::byte_buffer frame;
  if (!dynamo::encode_envelope(sent, envelope) ||
      !dynamo::encode_frame(envelope, frame)) {
    std::puts("the message was not encoded");
    return 1;
  }

  const auto payload = dynamo::decode_frame(frame);
  if (!payload) {
    std::puts(dynamo::to_string(payload.error()).c_str());
    return 1;
  }
  const auto received = dynamo::decode_envelope(*payload);
  if (!received || received->publisher_id != sent.publisher_id ||
      received->topic != sent.topic) {
    std::puts("the message that came back is another one");
    return 1;
  }

  std::vector<std::uint32_t> tokens(64);
  std::iota(tokens.begin(), tokens.end(), 0u);
  return dynamo::local_block_hashes(tokens, 16).size() == 4 ? 0 : 1;
}
