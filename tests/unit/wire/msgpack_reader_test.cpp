#include "dynamo/wire/msgpack.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "unit/wire/golden.hpp"

using namespace dynamo;

namespace {

/// Reads one value with `read` and expects the failure `code`.
template <class Read>
void check_failure(std::string_view hex, errc code, Read read) {
  const byte_buffer bytes = bytes_from_hex(hex);
  msgpack_reader reader{bytes};
  read(reader);
  INFO("bytes: " << hex);
  REQUIRE_FALSE(reader.ok());
  CHECK(reader.failure("value").code == code);
  CHECK(reader.rest().empty());
}

} // namespace

TEST_CASE("msgpack_reader reads integers of every width and sign") {
  for (const std::string_view hex :
       {"07", "cc07", "cd0007", "ce00000007", "cf0000000000000007", "d007",
        "d10007", "d200000007", "d30000000000000007"}) {
    INFO("bytes: " << hex);
    const byte_buffer bytes = bytes_from_hex(hex);
    CHECK(msgpack_reader{bytes}.read_u64() == 7);
    CHECK(msgpack_reader{bytes}.read_u32() == 7);
    CHECK(msgpack_reader{bytes}.read_i64() == 7);
    CHECK(msgpack_reader{bytes}.read_bits64() == 7);
    CHECK(msgpack_reader{bytes}.read_f64() == 7);
  }
  for (const std::string_view hex :
       {"ff", "d0ff", "d1ffff", "d2ffffffff", "d3ffffffffffffffff"}) {
    INFO("bytes: " << hex);
    const byte_buffer bytes = bytes_from_hex(hex);
    CHECK(msgpack_reader{bytes}.read_i64() == -1);
    CHECK(msgpack_reader{bytes}.read_bits64() == ~std::uint64_t{0});
    CHECK(msgpack_reader{bytes}.read_f64() == -1);
  }
}

TEST_CASE("msgpack_reader refuses integers that do not fit") {
  const auto u64 = [](msgpack_reader& in) { CHECK(in.read_u64() == 0); };
  const auto u32 = [](msgpack_reader& in) { CHECK(in.read_u32() == 0); };
  const auto i64 = [](msgpack_reader& in) { CHECK(in.read_i64() == 0); };
  check_failure("ff", errc::malformed, u64);
  check_failure("d3ffffffffffffffff", errc::malformed, u64);
  check_failure("cf0000000100000000", errc::too_large, u32);
  check_failure("cf8000000000000000", errc::too_large, i64);
}

TEST_CASE("msgpack_reader refuses values of another type") {
  const std::vector<std::string_view> values{
      "c0", "c3", "a161", "c40161", "90", "80", "ca00000000", "d40000", "c1"};
  for (const std::string_view hex : values) {
    check_failure(hex, errc::malformed, [](auto& in) { in.read_u64(); });
    if (hex != "c0") {
      check_failure(hex, errc::malformed, [](auto& in) { in.read_nil(); });
    }
    if (hex != "c3") {
      check_failure(hex, errc::malformed, [](auto& in) { in.read_bool(); });
    }
    if (hex != "a161") {
      check_failure(hex, errc::malformed, [](auto& in) { in.read_str(); });
    }
    if (hex != "c40161") {
      check_failure(hex, errc::malformed, [](auto& in) { in.read_bin(); });
    }
    if (hex != "90") {
      check_failure(hex, errc::malformed,
                    [](auto& in) { in.read_array_header(); });
    }
    if (hex != "80") {
      check_failure(hex, errc::malformed,
                    [](auto& in) { in.read_map_header(); });
    }
    if (hex != "ca00000000") {
      check_failure(hex, errc::malformed, [](auto& in) { in.read_f64(); });
    }
  }
  check_failure("c1", errc::malformed, [](auto& in) { in.skip(); });
}

TEST_CASE("msgpack_reader refuses a length or count beyond the bytes left") {
  for (const std::string_view hex :
       {"a261", "d90261", "da000261", "db0000000261", "dbffffffff61"}) {
    check_failure(hex, errc::truncated, [](auto& in) { in.read_str(); });
    check_failure(hex, errc::truncated, [](auto& in) { in.skip(); });
  }
  for (const std::string_view hex :
       {"c40261", "c5000261", "c60000000261", "c6ffffffff61"}) {
    check_failure(hex, errc::truncated, [](auto& in) { in.read_bin(); });
    check_failure(hex, errc::truncated, [](auto& in) { in.skip(); });
  }
  for (const std::string_view hex :
       {"9200", "dc000200", "dd0000000200", "ddffffffff00"}) {
    check_failure(hex, errc::truncated,
                  [](auto& in) { CHECK(in.read_array_header() == 0); });
    check_failure(hex, errc::truncated, [](auto& in) { in.skip(); });
  }
  for (const std::string_view hex :
       {"82000000", "de0002000000", "df00000002000000", "dfffffffff000000"}) {
    check_failure(hex, errc::truncated,
                  [](auto& in) { CHECK(in.read_map_header() == 0); });
    check_failure(hex, errc::truncated, [](auto& in) { in.skip(); });
  }
  for (const std::string_view hex :
       {"",     "cc",       "cd00",     "ce000000", "cf00000000000000",
        "d0",   "d3",       "ca000000", "cb00",     "d4",
        "d400", "d8",       "c7",       "c701",     "c70100",
        "c8",   "c9000000", "d9",       "da00",     "db000000",
        "dc00", "dd000000", "de00",     "df000000"}) {
    check_failure(hex, errc::truncated, [](auto& in) { in.skip(); });
  }
}

TEST_CASE("msgpack_reader returns texts and bytes that point into the input") {
  const byte_buffer bytes = bytes_from_hex("a26869c4020102");
  msgpack_reader reader{bytes};
  CHECK(reader.read_str() == "hi");
  const byte_view content = reader.read_bin();
  CHECK(content.data() == bytes.data() + 5);
  CHECK(content.size() == 2);
  CHECK(reader.ok());
  CHECK(reader.peek() == msgpack_type::end);
}

TEST_CASE("msgpack_reader takes only UTF-8 as a text, but any bytes as a key") {
  check_failure("a2c328", errc::malformed, [](auto& in) { in.read_str(); });
  check_failure("ab6162636465666768"
                "c32869",
                errc::malformed, [](auto& in) { in.read_str(); });
  const byte_buffer bytes = bytes_from_hex("a2c328");
  msgpack_reader reader{bytes};
  CHECK(reader.read_key().size() == 2);
  CHECK(reader.ok());
}

TEST_CASE("msgpack_reader skips a value of every type with all it holds") {
  for (const std::string_view hex : {"00",
                                     "7f",
                                     "ff",
                                     "c0",
                                     "c2",
                                     "c3",
                                     "cc00",
                                     "cd0000",
                                     "ce00000000",
                                     "cf0000000000000000",
                                     "d000",
                                     "d10000",
                                     "d200000000",
                                     "d30000000000000000",
                                     "ca00000000",
                                     "cb0000000000000000",
                                     "a0",
                                     "a161",
                                     "d90161",
                                     "da000161",
                                     "db0000000161",
                                     "c400",
                                     "c40161",
                                     "c5000161",
                                     "c60000000161",
                                     "d40000",
                                     "d5000000",
                                     "d60000000000",
                                     "d7000000000000000000",
                                     "d80000000000000000000000000000000000",
                                     "c7010000",
                                     "c8000100ff",
                                     "c90000000100ff",
                                     "90",
                                     "9100",
                                     "920192c0a161",
                                     "80",
                                     "81a16100",
                                     "82a16193010203a16281a0c0",
                                     "dc000101",
                                     "dd0000000101",
                                     "de00010102",
                                     "df000000010102"}) {
    INFO("bytes: " << hex);
    byte_buffer bytes = bytes_from_hex(hex);
    bytes.push_back(0x2a);
    msgpack_reader reader{bytes};
    const byte_view raw = reader.read_raw();
    REQUIRE(reader.ok());
    CHECK(raw.data() == bytes.data());
    CHECK(reader.read_u64() == 42);
    CHECK(reader.offset() == bytes.size());
  }
}

TEST_CASE("msgpack_reader skips nesting up to its limit") {
  byte_buffer bytes(msgpack_reader::depth_max, 0x91);
  bytes.push_back(0x05);
  msgpack_reader fits{bytes};
  fits.skip();
  CHECK(fits.ok());

  bytes.insert(bytes.begin(), 0x91);
  msgpack_reader beyond{bytes};
  beyond.skip();
  REQUIRE_FALSE(beyond.ok());
  CHECK(beyond.failure("value").code == errc::too_large);
}

TEST_CASE("msgpack_reader keeps the first failure and reads nothing after it") {
  const byte_buffer bytes = bytes_from_hex("01c0a26869");
  msgpack_reader reader{bytes};
  CHECK(reader.read_u64() == 1);
  CHECK(reader.read_u64() == 0);
  CHECK(reader.read_str().empty());
  CHECK(reader.read_array_header() == 0);
  CHECK_FALSE(reader.take_nil());
  reader.fail(errc::unsupported, 4, "later");
  CHECK(to_string(reader.failure("pair")) ==
        "malformed: pair: offset 1: expected an unsigned integer, "
        "got nil (0xc0)");
}

TEST_CASE("msgpack_reader says where the bytes end too early") {
  const byte_buffer bytes = bytes_from_hex("01d90a6869");
  msgpack_reader reader{bytes};
  reader.read_u64();
  msgpack_reader mark = reader;
  reader.read_str();
  CHECK(to_string(reader.failure("name")) ==
        "truncated: name: offset 1: expected at least 10 more bytes for "
        "a string, got 2");

  mark.read_raw();
  mark = msgpack_reader{byte_view{}};
  mark.read_bool();
  CHECK(to_string(mark.failure("flag")) ==
        "truncated: flag: offset 0: expected a boolean, got the end");
}

TEST_CASE("msgpack_reader goes back when a copy is assigned to it") {
  const byte_buffer bytes = bytes_from_hex("a16107");
  msgpack_reader reader{bytes};
  const msgpack_reader start = reader;
  reader.read_u64();
  CHECK_FALSE(reader.ok());
  reader = start;
  CHECK(reader.ok());
  CHECK(reader.read_str() == "a");
  CHECK(reader.read_u64() == 7);
}
