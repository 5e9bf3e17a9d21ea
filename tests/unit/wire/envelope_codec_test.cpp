#include "dynamo/wire/envelope_codec.hpp"
#include "dynamo/wire/frame.hpp"
#include "dynamo/wire/msgpack.hpp"

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "unit/wire/golden.hpp"

using namespace dynamo;

namespace {

byte_buffer encoded(const envelope& value) {
  byte_buffer bytes;
  REQUIRE(encode_envelope(value, bytes));
  return bytes;
}

/// Writes an envelope's map by hand.
byte_buffer by_hand(const std::function<void(msgpack_writer&)>& write) {
  byte_buffer bytes;
  {
    msgpack_writer writer{bytes};
    write(writer);
  }
  return bytes;
}

void write_rest(msgpack_writer& out) {
  out.write_str("published_at");
  out.write_uint(3);
  out.write_str("topic");
  out.write_str("t");
  out.write_str("payload");
  out.write_bin(bytes_of("p"));
}

void check_is_small_one(const byte_buffer& bytes) {
  const result<envelope> value = decode_envelope(bytes);
  INFO(to_hex(bytes));
  INFO((value ? std::string{} : to_string(value.error())));
  REQUIRE(value);
  CHECK(value->publisher_id == 1);
  CHECK(value->sequence == 2);
  CHECK(value->published_at_ms == 3);
  CHECK(value->topic == "t");
  CHECK(text_of(value->payload) == "p");
}

void check_refused(const byte_buffer& bytes, errc code,
                   const std::string& message) {
  const result<envelope> value = decode_envelope(bytes);
  INFO(to_hex(bytes));
  REQUIRE_FALSE(value);
  CHECK(value.error().code == code);
  CHECK(value.error().message == message);
}

/// The small envelope with the value of one key replaced by `raw_hex`.
byte_buffer with_value(const std::string& key, std::string_view raw_hex) {
  const std::vector<std::pair<std::string, std::string>> values{
      {"publisher_id", "01"},
      {"sequence", "02"},
      {"published_at", "03"},
      {"topic", "a174"},
      {"payload", "c40170"}};
  return by_hand([&](msgpack_writer& out) {
    out.write_map_header(5);
    for (const auto& [name, value] : values) {
      out.write_str(name);
      out.write_raw(bytes_from_hex(name == key ? raw_hex : value));
    }
  });
}

/// Ids are exact 64-bit numbers in the golden files.
void check_equal(const envelope& value, const nlohmann::json& entry) {
  CHECK(value.publisher_id == entry["publisher_id"].get<std::uint64_t>());
  CHECK(value.sequence == entry["sequence"].get<std::uint64_t>());
  CHECK(value.published_at_ms == entry["published_at_ms"].get<std::uint64_t>());
  CHECK(value.topic == entry["topic"].get<std::string>());
}

} // namespace

TEST_CASE("encode_envelope writes the specification's example A") {
  const byte_buffer bytes = encoded(
      {12345, 42, 1700000000000, "test-topic", bytes_of("test payload")});
  CHECK(to_hex(bytes) ==
        "85ac7075626c69736865725f6964cd3039a873657175656e63652aac7075626c697368"
        "65645f6174cf0000018bcfe56800a5746f706963aa746573742d746f706963a7706179"
        "6c6f6164c40c74657374207061796c6f6164");
}

TEST_CASE("encode_envelope writes the specification's example B") {
  const byte_buffer bytes =
      encoded({9007199254740991, 0, 1767225600123, "kv-events", {}});
  CHECK(to_hex(bytes) ==
        "85ac7075626c69736865725f6964cf001fffffffffffffa873657175656e636500ac70"
        "75626c69736865645f6174cf0000019b76daa87ba5746f706963a96b762d6576656e74"
        "73a77061796c6f6164c400");
}

TEST_CASE("encode_envelope writes the specification's example C") {
  const byte_buffer payload =
      bytes_from_hex("83a9776f726b65725f696407a764705f72616e6b00ae6b765f757365"
                     "645f626c6f636b73cd012c");
  const byte_buffer bytes =
      encoded({6633287539119378, 70000, 1767225600123, "kv_metrics", payload});
  CHECK(to_hex(bytes) ==
        "85ac7075626c69736865725f6964cf001790f09b765512a873657175656e6365ce0001"
        "1170ac7075626c69736865645f6174cf0000019b76daa87ba5746f706963aa6b765f6d"
        "657472696373a77061796c6f6164c42783a9776f726b65725f696407a764705f72616e"
        "6b00ae6b765f757365645f626c6f636b73cd012c");
}

TEST_CASE("encode_envelope writes the specification's example D") {
  const byte_buffer payload(512, 0x5a);
  const byte_buffer bytes = encoded({7, 11, 1, "events", payload});
  CHECK(bytes.size() == 575);
  CHECK(to_hex(byte_view{bytes}.first(63)) ==
        "85ac7075626c69736865725f696407a873657175656e63650bac7075626c6973686564"
        "5f617401a5746f706963a66576656e7473a77061796c6f6164c50200");
  CHECK(to_hex(*encode_frame_header(bytes.size())) == "010000023f");
}

TEST_CASE("encode_envelope appends, and what it wrote decodes to the same") {
  const byte_buffer payload(300, 7);
  byte_buffer bytes{0xaa};
  const envelope value{std::numeric_limits<std::uint64_t>::max(), 1, 0,
                       std::string_view{}, payload};
  REQUIRE(encode_envelope(value, bytes));
  CHECK(bytes[0] == 0xaa);
  const result<envelope> back = decode_envelope(byte_view{bytes}.subspan(1));
  REQUIRE(back);
  CHECK(back->publisher_id == value.publisher_id);
  CHECK(back->sequence == 1);
  CHECK(back->published_at_ms == 0);
  CHECK(back->topic.empty());
  CHECK(to_hex(back->payload) == to_hex(payload));
}

TEST_CASE("decode_envelope borrows topic and payload from the input") {
  const byte_buffer bytes = encoded({1, 2, 3, "topic", bytes_of("payload")});
  const result<envelope> value = decode_envelope(bytes);
  REQUIRE(value);
  CHECK(bytes_of(value->topic).data() == bytes.data() + bytes.size() - 22);
  CHECK(value->payload.data() == bytes.data() + bytes.size() - 7);
}

TEST_CASE("golden envelopes decode to their values and encode to their bytes") {
  const nlohmann::json entries = golden("envelopes.json");
  REQUIRE_FALSE(entries.empty());
  for (const nlohmann::json& entry : entries) {
    INFO(entry["name"]);
    const byte_buffer bytes = golden_bytes(entry["envelope_hex"]);
    const result<envelope> value = decode_envelope(bytes);
    REQUIRE(value);
    check_equal(*value, entry);
    CHECK(to_hex(value->payload) == entry["payload_hex"]);
    CHECK(to_hex(encoded(*value)) == entry["envelope_hex"]);
  }
}

TEST_CASE("captured envelopes of every release decode and encode to the same") {
  const nlohmann::json messages = golden("captured.json")["messages"];
  REQUIRE(messages.size() == 94);
  for (const nlohmann::json& message : messages) {
    INFO(message["dynamo"] << " " << message["transport"] << " "
                           << message["topic"] << ": " << message["what"]);
    byte_buffer bytes;
    if (message["transport"] == "zmq") {
      const byte_buffer frame = golden_bytes(message["parts_hex"][3]);
      const result<byte_view> payload = decode_frame(frame);
      REQUIRE(payload);
      bytes.assign(payload->begin(), payload->end());
    } else {
      bytes = golden_bytes(message["body_hex"]);
    }
    const result<envelope> value = decode_envelope(bytes);
    REQUIRE(value);
    check_equal(*value, message);
    CHECK(to_hex(encoded(*value)) == to_hex(bytes));
  }
}

TEST_CASE("decode_envelope accepts keys in any order") {
  check_is_small_one(by_hand([](msgpack_writer& out) {
    out.write_map_header(5);
    write_rest(out);
    out.write_str("sequence");
    out.write_uint(2);
    out.write_str("publisher_id");
    out.write_uint(1);
  }));
}

TEST_CASE("decode_envelope skips keys that it does not know") {
  check_is_small_one(by_hand([](msgpack_writer& out) {
    out.write_map_header(8);
    out.write_str("published_at_ns");
    out.write_uint(4);
    out.write_str("publisher_id");
    out.write_uint(1);
    out.write_str("nested");
    out.write_raw(bytes_from_hex("9281a161c093010203"));
    out.write_str("sequence");
    out.write_uint(2);
    write_rest(out);
    // Also when it is repeated: only known keys must be unique.
    out.write_str("nested");
    out.write_nil();
  }));
}

TEST_CASE("decode_envelope accepts wider integers, signed positive ones too") {
  for (const std::string_view hex :
       {"cc02", "cd0002", "ce00000002", "cf0000000000000002", "d002", "d10002",
        "d200000002", "d30000000000000002"}) {
    check_is_small_one(with_value("sequence", hex));
  }
}

TEST_CASE("decode_envelope accepts wider lengths") {
  check_is_small_one(with_value("topic", "d90174"));
  check_is_small_one(with_value("topic", "db0000000174"));
  check_is_small_one(with_value("payload", "c5000170"));
  check_is_small_one(with_value("payload", "c60000000170"));
}

TEST_CASE("decode_envelope accepts a payload that is a str") {
  check_is_small_one(with_value("payload", "a170"));
}

TEST_CASE("decode_envelope ignores bytes behind the envelope") {
  byte_buffer bytes = with_value("", "");
  bytes.insert(bytes.end(), {0xc1, 0xff, 0x00});
  check_is_small_one(bytes);
}

TEST_CASE("decode_envelope accepts the five values as an array") {
  check_is_small_one(bytes_from_hex("95010203a174c40170"));
  check_is_small_one(bytes_from_hex("dc0005010203a174c40170ff"));
}

TEST_CASE("decode_envelope refuses an array of another length") {
  check_refused(bytes_from_hex("94010203a174"), errc::malformed,
                "envelope: offset 0: expected an array of 5 values");
  check_refused(bytes_from_hex("96010203a174c4017000"), errc::malformed,
                "envelope: offset 0: expected an array of 5 values");
}

TEST_CASE("decode_envelope refuses an envelope without one of its keys") {
  for (const std::string name :
       {"publisher_id", "sequence", "published_at", "topic", "payload"}) {
    byte_buffer bytes = with_value("", "");
    const std::string_view text = text_of(bytes);
    bytes[text.find(name)] = 'X';
    check_refused(bytes, errc::malformed,
                  "envelope: expected " + name + ", the key is missing");
  }
  check_refused({0x80}, errc::malformed,
                "envelope: expected publisher_id, the key is missing");
}

TEST_CASE("decode_envelope refuses a known key that comes twice") {
  check_refused(by_hand([](msgpack_writer& out) {
                  out.write_map_header(6);
                  out.write_str("publisher_id");
                  out.write_uint(1);
                  out.write_str("sequence");
                  out.write_uint(2);
                  out.write_str("sequence");
                  out.write_uint(2);
                  write_rest(out);
                }),
                errc::malformed,
                "envelope: offset 25: expected sequence once, got it twice");
}

TEST_CASE("decode_envelope refuses nil and values of another type") {
  for (const std::string name :
       {"publisher_id", "sequence", "published_at", "topic", "payload"}) {
    for (const std::string_view hex :
         {"c0", "c3", "ca00000000", "80", "920102", "d40000", "c1", "ff"}) {
      INFO(name << " is " << hex);
      const result<envelope> value = decode_envelope(with_value(name, hex));
      REQUIRE_FALSE(value);
      CHECK(value.error().code == errc::malformed);
    }
  }
  for (const std::string name : {"publisher_id", "sequence", "published_at"}) {
    CHECK_FALSE(decode_envelope(with_value(name, "a132")));
    CHECK_FALSE(decode_envelope(with_value(name, "c40132")));
  }
  CHECK_FALSE(decode_envelope(with_value("topic", "c40174")));
  CHECK_FALSE(decode_envelope(with_value("topic", "07")));
  check_refused(with_value("payload", "920102"), errc::malformed,
                "envelope: offset 55: expected a binary or a string, got "
                "array (0x92)");
}

TEST_CASE("decode_envelope refuses a topic that is not UTF-8") {
  CHECK_FALSE(decode_envelope(with_value("topic", "a2c328")));
}

TEST_CASE("decode_envelope refuses what is no map") {
  for (const std::string_view hex : {"", "00", "c0", "a0", "c400", "81", "c1",
                                     "0100000000", "8107", "8101c0"}) {
    INFO("bytes: " << hex);
    CHECK_FALSE(decode_envelope(bytes_from_hex(hex)));
  }
}

TEST_CASE("decode_envelope refuses every truncation of a good envelope") {
  for (const nlohmann::json& entry : golden("envelopes.json")) {
    const byte_buffer bytes = golden_bytes(entry["envelope_hex"]);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      INFO(entry["name"] << " cut to " << size);
      const byte_buffer cut = first_bytes(bytes, size);
      const result<envelope> value = decode_envelope(cut);
      REQUIRE_FALSE(value);
      CHECK(value.error().code == errc::truncated);
    }
  }
}

TEST_CASE("decode_envelope refuses every length that lies") {
  // The map's count, one key's length, the topic's and the payload's.
  byte_buffer more_pairs = with_value("", "");
  more_pairs[0] = 0x86;
  CHECK(decode_envelope(more_pairs).error().code == errc::truncated);
  byte_buffer fewer_pairs = with_value("", "");
  fewer_pairs[0] = 0x84;
  CHECK(decode_envelope(fewer_pairs).error().code == errc::malformed);
  byte_buffer long_key = with_value("", "");
  long_key[1] = 0xad;
  CHECK_FALSE(decode_envelope(long_key));
  byte_buffer short_key = with_value("", "");
  short_key[1] = 0xab;
  CHECK_FALSE(decode_envelope(short_key));
  CHECK_FALSE(decode_envelope(with_value("topic", "b174")));
  CHECK_FALSE(decode_envelope(with_value("topic", "dbffffffff74")));
  CHECK_FALSE(decode_envelope(with_value("payload", "c4ff70")));
  CHECK_FALSE(decode_envelope(with_value("payload", "c6ffffffff70")));
  CHECK_FALSE(decode_envelope(bytes_from_hex("dfffffffff")));
  CHECK_FALSE(decode_envelope(bytes_from_hex("ddffffffff")));
}
