#include "dynamo/wire/msgpack.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "support/catch.hpp"

// nlohmann_json's msgpack is the oracle: random values, and the way between
// them and bytes on both sides.

using namespace dynamo;

namespace {

std::string random_text(std::mt19937_64& random) {
  static const std::vector<std::string> pieces{
      "a", "B", "7", " ", "-", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
  static const std::vector<std::size_t> lengths{0,  1,   5,   31,   32,
                                                33, 255, 256, 65600};
  const std::size_t length =
      random() % 4 == 0 ? lengths[random() % lengths.size()] : random() % 40;
  std::string text;
  while (text.size() < length) {
    text += length > 300 ? "x" : pieces[random() % pieces.size()];
  }
  return text;
}

nlohmann::json random_number(std::mt19937_64& random) {
  const std::uint64_t bits = random() >> (random() % 64);
  switch (random() % 4) {
  case 0:
    return bits;
  case 1:
    return -static_cast<std::int64_t>(bits >> 1) - 1;
  case 2:
    return static_cast<double>(static_cast<float>(bits) / 3.0f);
  default:
    return static_cast<double>(bits) / 7.0;
  }
}

nlohmann::json random_value(std::mt19937_64& random, int depth) {
  const std::uint64_t kind = random() % (depth > 4 ? 6 : 8);
  const std::size_t count =
      random() % 20 == 0 ? 20 + random() % 300 : random() % 5;
  nlohmann::json value;
  switch (kind) {
  case 0:
    return nullptr;
  case 1:
    return random() % 2 == 0;
  case 2:
  case 3:
    return random_number(random);
  case 4:
    return random_text(random);
  case 5: {
    std::vector<std::uint8_t> bytes(random() % 50 == 0 ? 66000
                                                       : random() % 300);
    for (std::uint8_t& byte : bytes) {
      byte = static_cast<std::uint8_t>(random());
    }
    return nlohmann::json::binary(bytes);
  }
  case 6:
    value = nlohmann::json::array();
    for (std::size_t i = 0; i < count; ++i) {
      value.push_back(random_value(random, depth + 1 + (count > 5 ? 4 : 0)));
    }
    return value;
  default:
    value = nlohmann::json::object();
    for (std::size_t i = 0; i < count; ++i) {
      value[random_text(random)] =
          random_value(random, depth + 1 + (count > 5 ? 4 : 0));
    }
    return value;
  }
}

void write_json(msgpack_writer& out, const nlohmann::json& value) {
  switch (value.type()) {
  case nlohmann::json::value_t::null:
    return out.write_nil();
  case nlohmann::json::value_t::boolean:
    return out.write_bool(value.get<bool>());
  case nlohmann::json::value_t::number_unsigned:
    return out.write_uint(value.get<std::uint64_t>());
  case nlohmann::json::value_t::number_integer:
    return out.write_int(value.get<std::int64_t>());
  case nlohmann::json::value_t::number_float:
    return out.write_f64(value.get<double>());
  case nlohmann::json::value_t::string:
    return out.write_str(value.get_ref<const std::string&>());
  case nlohmann::json::value_t::binary:
    return out.write_bin(value.get_binary());
  case nlohmann::json::value_t::array:
    out.write_array_header(value.size());
    for (const nlohmann::json& element : value) {
      write_json(out, element);
    }
    return;
  default:
    out.write_map_header(value.size());
    for (const auto& [key, element] : value.items()) {
      out.write_str(key);
      write_json(out, element);
    }
    return;
  }
}

nlohmann::json read_json(msgpack_reader& in) {
  nlohmann::json value;
  switch (in.peek()) {
  case msgpack_type::nil:
    in.read_nil();
    return nullptr;
  case msgpack_type::boolean:
    return in.read_bool();
  case msgpack_type::integer: {
    msgpack_reader ahead = in;
    if (ahead.read_i64() < 0) {
      return in.read_i64();
    }
    return in.read_u64();
  }
  case msgpack_type::real:
    return in.read_f64();
  case msgpack_type::string:
    return in.read_str();
  case msgpack_type::binary: {
    const byte_view bytes = in.read_bin();
    return nlohmann::json::binary({bytes.begin(), bytes.end()});
  }
  case msgpack_type::array:
    value = nlohmann::json::array();
    for (std::size_t n = in.read_array_header(); n > 0 && in.ok(); --n) {
      value.push_back(read_json(in));
    }
    return value;
  case msgpack_type::map:
    value = nlohmann::json::object();
    for (std::size_t n = in.read_map_header(); n > 0 && in.ok(); --n) {
      const std::string key{in.read_str()};
      value[key] = read_json(in);
    }
    return value;
  default:
    FAIL("unexpected " << to_string(in.peek()));
    return nullptr;
  }
}

} // namespace

TEST_CASE("what msgpack_writer writes, nlohmann_json reads as the same value") {
  std::mt19937_64 random{20261124};
  for (int i = 0; i < 400; ++i) {
    const nlohmann::json value = random_value(random, 0);
    byte_buffer bytes;
    {
      msgpack_writer writer{bytes, 0};
      write_json(writer, value);
    }
    REQUIRE(nlohmann::json::from_msgpack(bytes) == value);
  }
}

TEST_CASE("what nlohmann_json writes, msgpack_reader reads as the same value") {
  std::mt19937_64 random{42};
  for (int i = 0; i < 400; ++i) {
    const nlohmann::json value = random_value(random, 0);
    const auto bytes = nlohmann::json::to_msgpack(value);
    msgpack_reader reader{bytes};
    REQUIRE(read_json(reader) == value);
    REQUIRE(reader.ok());
    REQUIRE(reader.peek() == msgpack_type::end);
    msgpack_reader skipping{bytes};
    REQUIRE(skipping.read_raw().size() == bytes.size());
  }
}
