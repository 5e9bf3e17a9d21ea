#include "dynamo/base/bytes.hpp"
#include "dynamo/discovery/protobuf.hpp"

#include <limits>

#include "support/catch.hpp"

namespace {

using namespace dynamo;

std::string bytes(std::string_view hex) {
  return std::string{text_of(*from_hex(hex))};
}

result<protobuf_field> first_of(const std::string& message) {
  return protobuf_reader{message, "message"}.next();
}

} // namespace

TEST_CASE("protobuf fields have the bytes of the format") {
  protobuf_writer inner;
  inner.integer(1, 150);
  protobuf_writer out;
  out.message(3, inner);
  out.text(2, "testing");
  out.boolean(4, true);
  out.signed_integer(5, -1);
  out.chosen_integer(6, 0);
  CHECK(to_hex(bytes_of(out.bytes())) == "1a03089601"
                                         "120774657374696e67"
                                         "2001"
                                         "28ffffffffffffffffff01"
                                         "3000");
}

TEST_CASE("protobuf leaves out what has its default value, but no message") {
  protobuf_writer out;
  out.integer(1, 0);
  out.text(2, "");
  out.boolean(3, false);
  CHECK(out.bytes().empty());
  out.message(4, {});
  CHECK(to_hex(bytes_of(out.bytes())) == "2200");
}

TEST_CASE("protobuf numbers of every size come back") {
  for (const std::uint64_t value :
       {std::uint64_t{1}, std::uint64_t{127}, std::uint64_t{128},
        (std::uint64_t{1} << 63) - 1, std::uint64_t{1} << 63,
        std::numeric_limits<std::uint64_t>::max()}) {
    protobuf_writer out;
    out.integer(536'870'911, value);
    const auto field = first_of(out.bytes());
    REQUIRE(field);
    CHECK(field->number == 536'870'911);
    CHECK(field->integer == value);
    CHECK_FALSE(field->is_text);
  }
}

TEST_CASE("protobuf fields of fixed size are read") {
  const auto wide = first_of(bytes("09 0807060504030201"));
  REQUIRE(wide);
  CHECK(wide->integer == 0x0102030405060708);
  const auto narrow = first_of(bytes("0d 04030201"));
  REQUIRE(narrow);
  CHECK(narrow->integer == 0x01020304);
}

TEST_CASE("protobuf bytes that are no fields are refused") {
  struct row {
    std::string_view hex;
    errc code;
  };
  const row rows[] = {
      {"80", errc::truncated},                         // tag
      {"08 ff", errc::truncated},                      // number
      {"0a 05 61626364", errc::truncated},             // text
      {"0a ffffffffffffffffff01 61", errc::truncated}, // huge length
      {"09 01020304050607", errc::truncated},
      {"0d 010203", errc::truncated},
      {"08 ffffffffffffffffff02", errc::malformed}, // 65 bits
      {"08 8080808080808080808000", errc::malformed},
      {"00 00", errc::malformed}, // field 0
      {"0b", errc::malformed},    // groups
      {"0c", errc::malformed},
      {"0e", errc::malformed},
      {"8080808010 00", errc::malformed}, // field 2^29
  };
  for (const row& each : rows) {
    CAPTURE(each.hex);
    const auto field = first_of(bytes(each.hex));
    REQUIRE_FALSE(field);
    CHECK(field.error().code == each.code);
    CHECK(field.error().message.starts_with("message, byte "));
  }
}
