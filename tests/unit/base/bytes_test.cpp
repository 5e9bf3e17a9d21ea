#include "dynamo/base/bytes.hpp"

#include <array>

#include "support/catch.hpp"

using namespace dynamo;

TEST_CASE("store_be writes the most significant byte first") {
  std::array<std::uint8_t, 8> at{};
  store_u16_be(at.data(), 0x0102);
  CHECK(to_hex({at.data(), 2}) == "0102");
  store_u32_be(at.data(), 0x01020304);
  CHECK(to_hex({at.data(), 4}) == "01020304");
  store_u64_be(at.data(), 0xff02030405060708);
  CHECK(to_hex({at.data(), 8}) == "ff02030405060708");
}

TEST_CASE("load_be undoes store_be at the ends of the range") {
  std::array<std::uint8_t, 8> at{};
  for (const std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{0x8000000000000000},
        ~std::uint64_t{0}}) {
    store_u64_be(at.data(), value);
    CHECK(load_u64_be(at.data()) == value);
    store_u32_be(at.data(), static_cast<std::uint32_t>(value));
    CHECK(load_u32_be(at.data()) == static_cast<std::uint32_t>(value));
    store_u16_be(at.data(), static_cast<std::uint16_t>(value));
    CHECK(load_u16_be(at.data()) == static_cast<std::uint16_t>(value));
  }
}

TEST_CASE("from_hex undoes to_hex for every byte") {
  byte_buffer bytes;
  for (unsigned i = 0; i < 256; ++i) {
    bytes.push_back(static_cast<std::uint8_t>(i));
  }
  const auto read = from_hex(to_hex(bytes));
  REQUIRE(read);
  CHECK(*read == bytes);
}

TEST_CASE("from_hex takes either case and skips white space") {
  const auto read = from_hex(" 0A ff\t0a\r\nF F\n");
  REQUIRE(read);
  CHECK(*read == byte_buffer{0x0a, 0xff, 0x0a, 0xff});
}

TEST_CASE("from_hex reads the empty text as no bytes") {
  const auto read = from_hex("");
  REQUIRE(read);
  CHECK(read->empty());
}

TEST_CASE("from_hex names the offset of a character that is no digit") {
  const auto read = from_hex("00 0x");
  REQUIRE_FALSE(read);
  CHECK(read.error().code == errc::malformed);
  CHECK(read.error().message.find("offset 4") != std::string::npos);
}

TEST_CASE("from_hex refuses half a byte") {
  const auto read = from_hex("012");
  REQUIRE_FALSE(read);
  CHECK(read.error().code == errc::truncated);
}

TEST_CASE("text_of and bytes_of view the same memory") {
  const std::string text = "kv-events";
  const byte_view bytes = bytes_of(text);
  CHECK(bytes.size() == text.size());
  CHECK(text_of(bytes).data() == text.data());
}

TEST_CASE("is_utf8 accepts the first and last code point of each length") {
  for (const char* text :
       {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
        "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
        "a\xe6\x97\xa5z"}) {
    CHECK(is_utf8(text));
  }
}

TEST_CASE("is_utf8 rejects overlong forms, surrogates and stray bytes") {
  for (const char* text :
       {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
        "a\xc2", "\xe6\x97", "\xf0\x9f\x98", "\xc2z"}) {
    CHECK_FALSE(is_utf8(text));
  }
}
