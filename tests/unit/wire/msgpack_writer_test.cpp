#include "dynamo/wire/msgpack.hpp"

#include <cstdint>
#include <limits>
#include <string>

#include "support/catch.hpp"

using namespace dynamo;

namespace {

template <class Write>
byte_buffer written(Write write) {
  byte_buffer bytes;
  {
    msgpack_writer writer{bytes, 0};
    write(writer);
  }
  return bytes;
}

template <class Write>
std::string written_hex(Write write) {
  return to_hex(written(write));
}

std::string hex_of_uint(std::uint64_t value) {
  return written_hex([&](msgpack_writer& out) { out.write_uint(value); });
}

std::string hex_of_int(std::int64_t value) {
  return written_hex([&](msgpack_writer& out) { out.write_int(value); });
}

} // namespace

TEST_CASE("msgpack_writer writes integers in their smallest encoding") {
  CHECK(hex_of_uint(0) == "00");
  CHECK(hex_of_uint(127) == "7f");
  CHECK(hex_of_uint(128) == "cc80");
  CHECK(hex_of_uint(255) == "ccff");
  CHECK(hex_of_uint(256) == "cd0100");
  CHECK(hex_of_uint(65535) == "cdffff");
  CHECK(hex_of_uint(65536) == "ce00010000");
  CHECK(hex_of_uint(0xffffffff) == "ceffffffff");
  CHECK(hex_of_uint(0x100000000) == "cf0000000100000000");
  CHECK(hex_of_uint(~std::uint64_t{0}) == "cfffffffffffffffff");

  CHECK(hex_of_int(5) == "05");
  CHECK(hex_of_int(200) == "ccc8");
  CHECK(hex_of_int(-1) == "ff");
  CHECK(hex_of_int(-32) == "e0");
  CHECK(hex_of_int(-33) == "d0df");
  CHECK(hex_of_int(-128) == "d080");
  CHECK(hex_of_int(-129) == "d1ff7f");
  CHECK(hex_of_int(-32768) == "d18000");
  CHECK(hex_of_int(-32769) == "d2ffff7fff");
  CHECK(hex_of_int(std::numeric_limits<std::int32_t>::min()) == "d280000000");
  CHECK(hex_of_int(-2147483649) == "d3ffffffff7fffffff");
}

TEST_CASE("msgpack_writer writes nil, booleans and floats") {
  CHECK(written_hex([](auto& out) { out.write_nil(); }) == "c0");
  CHECK(written_hex([](auto& out) { out.write_bool(false); }) == "c2");
  CHECK(written_hex([](auto& out) { out.write_bool(true); }) == "c3");
  CHECK(written_hex([](auto& out) { out.write_f32(1.5f); }) == "ca3fc00000");
  CHECK(written_hex([](auto& out) { out.write_f64(1.5); }) ==
        "cb3ff8000000000000");
}

TEST_CASE("msgpack_writer writes lengths and counts in the smallest form") {
  const auto head_of = [](const byte_buffer& bytes, std::size_t count) {
    return to_hex(byte_view{bytes}.first(count));
  };
  const auto str = [](std::size_t size) {
    return written([&](auto& out) { out.write_str(std::string(size, 'x')); });
  };
  const auto bin = [](std::size_t size) {
    return written([&](auto& out) { out.write_bin(byte_buffer(size, 0)); });
  };
  const auto array = [](std::size_t count) {
    return written_hex([&](auto& out) { out.write_array_header(count); });
  };
  const auto map = [](std::size_t count) {
    return written_hex([&](auto& out) { out.write_map_header(count); });
  };

  CHECK(to_hex(str(0)) == "a0");
  CHECK(head_of(str(31), 1) == "bf");
  CHECK(head_of(str(32), 2) == "d920");
  CHECK(head_of(str(255), 2) == "d9ff");
  CHECK(head_of(str(256), 3) == "da0100");
  CHECK(head_of(str(65536), 5) == "db00010000");
  CHECK(to_hex(bin(0)) == "c400");
  CHECK(head_of(bin(255), 2) == "c4ff");
  CHECK(head_of(bin(256), 3) == "c50100");
  CHECK(head_of(bin(65536), 5) == "c600010000");
  CHECK(array(0) == "90");
  CHECK(array(15) == "9f");
  CHECK(array(16) == "dc0010");
  CHECK(array(65536) == "dd00010000");
  CHECK(map(0) == "80");
  CHECK(map(15) == "8f");
  CHECK(map(16) == "de0010");
  CHECK(map(65536) == "df00010000");
  CHECK(str(70000).size() == 70005);
}

TEST_CASE("msgpack_writer appends behind what the buffer holds") {
  byte_buffer bytes{1, 2};
  {
    msgpack_writer writer{bytes};
    writer.write_uint(3);
    writer.write_raw(bytes_of("\x91\x04"));
    CHECK(writer.size() == 5);
  }
  CHECK(to_hex(bytes) == "0102039104");
}
