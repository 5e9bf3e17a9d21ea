#include "dynamo/wire/frame.hpp"

#include <string>

#include "support/catch.hpp"
#include "unit/wire/golden.hpp"

using namespace dynamo;

TEST_CASE(
    "encode_frame puts version and big-endian length before the payload") {
  byte_buffer out{0xee};
  REQUIRE(encode_frame(byte_buffer(512, 0x55), out));
  CHECK(out.size() == 1 + 5 + 512);
  CHECK(to_hex(byte_view{out}.first(7)) == "ee010000020055");
}

TEST_CASE("encode_frame_header refuses a payload of 4 GiB") {
  CHECK(to_hex(*encode_frame_header(0)) == "0100000000");
  CHECK(to_hex(*encode_frame_header(0xffffffff)) == "01ffffffff");
  const result<frame_header> header = encode_frame_header(0x100000000);
  REQUIRE_FALSE(header);
  CHECK(header.error().code == errc::too_large);
}

TEST_CASE("decode_frame returns the payload, which points into the input") {
  const byte_buffer bytes = bytes_from_hex("0100000003aabbcc");
  const result<byte_view> payload = decode_frame(bytes);
  REQUIRE(payload);
  CHECK(payload->data() == bytes.data() + 5);
  CHECK(payload->size() == 3);
}

TEST_CASE("decode_frame accepts an empty payload") {
  const byte_buffer bytes = bytes_from_hex("0100000000");
  const result<byte_view> payload = decode_frame(bytes);
  REQUIRE(payload);
  CHECK(payload->empty());
}

TEST_CASE("decode_frame ignores bytes behind the payload") {
  const byte_buffer bytes = bytes_from_hex("0100000002aabbffffff");
  const result<byte_view> payload = decode_frame(bytes);
  REQUIRE(payload);
  CHECK(to_hex(*payload) == "aabb");
}

TEST_CASE("decode_frame rejects an incomplete header before all else") {
  for (std::size_t size = 0; size < 5; ++size) {
    const result<byte_view> payload = decode_frame(byte_buffer(size, 0x02));
    REQUIRE_FALSE(payload);
    CHECK(payload.error().code == errc::truncated);
    CHECK(payload.error().message ==
          "frame header: expected 5 bytes, got " + std::to_string(size));
  }
}

TEST_CASE("decode_frame rejects every version but 1 before it looks further") {
  for (const std::string_view hex :
       {"00ffffffff", "02ffffffff", "8500000000"}) {
    const result<byte_view> payload = decode_frame(bytes_from_hex(hex));
    REQUIRE_FALSE(payload);
    CHECK(payload.error().code == errc::unsupported);
  }
  CHECK(decode_frame(bytes_from_hex("0200000000")).error().message ==
        "frame version: expected 1, got 2");
}

TEST_CASE("decode_frame rejects a length beyond the buffer") {
  for (const std::string_view hex :
       {"0100000001", "0100000004aabbcc", "01ffffffffaabbcc"}) {
    const result<byte_view> payload = decode_frame(bytes_from_hex(hex));
    REQUIRE_FALSE(payload);
    CHECK(payload.error().code == errc::truncated);
  }
  CHECK(decode_frame(bytes_from_hex("0100000004aabbcc")).error().message ==
        "frame payload: expected 4 bytes, got 3");
}

TEST_CASE("frames of the golden envelopes are byte-equal") {
  for (const nlohmann::json& entry : golden("envelopes.json")) {
    INFO(entry["name"]);
    byte_buffer out;
    REQUIRE(encode_frame(golden_bytes(entry["envelope_hex"]), out));
    CHECK(to_hex(out) == entry["frame_hex"]);
    const result<byte_view> payload = decode_frame(out);
    REQUIRE(payload);
    CHECK(to_hex(*payload) == entry["envelope_hex"]);
    for (std::size_t size = 0; size < out.size(); ++size) {
      REQUIRE_FALSE(decode_frame(first_bytes(out, size)));
    }
  }
}
