#include "dynamo/base/ids.hpp"

#include <set>

#include "support/catch.hpp"

using namespace dynamo;

TEST_CASE("random_publisher_id is never 0 and exact in JSON doubles") {
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t id = random_publisher_id();
    CHECK(id != 0);
    CHECK(id <= json_safe_id_max);
    CHECK(static_cast<std::uint64_t>(static_cast<double>(id)) == id);
  }
}

TEST_CASE("random_publisher_id does not repeat itself") {
  std::set<std::uint64_t> ids;
  for (int i = 0; i < 1000; ++i) {
    ids.insert(random_publisher_id());
  }
  CHECK(ids.size() == 1000);
}

TEST_CASE("random_u64 uses all 64 bits") {
  std::uint64_t ones = 0;
  std::uint64_t zeros = 0;
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t value = random_u64();
    ones |= value;
    zeros |= ~value;
  }
  CHECK(ones == ~std::uint64_t{0});
  CHECK(zeros == ~std::uint64_t{0});
}

TEST_CASE("id_to_hex writes lower-case hex without padding") {
  CHECK(id_to_hex(0) == "0");
  CHECK(id_to_hex(0xabc) == "abc");
  CHECK(id_to_hex(json_safe_id_max) == "1fffffffffffff");
  CHECK(id_to_hex(~std::uint64_t{0}) == "ffffffffffffffff");
}

TEST_CASE("id_from_hex undoes id_to_hex") {
  for (const std::uint64_t id : {std::uint64_t{0}, std::uint64_t{1},
                                 json_safe_id_max, ~std::uint64_t{0}}) {
    const auto read = id_from_hex(id_to_hex(id));
    REQUIRE(read);
    CHECK(*read == id);
  }
}

TEST_CASE("id_from_hex rejects whatever id_to_hex would not write") {
  for (const char* text : {"", "01", "00", "ABC", "0x1", "-1", "+1", " 1", "1 ",
                           "g", "1ffffffffffffffff", "10000000000000000"}) {
    const auto read = id_from_hex(text);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == errc::malformed);
  }
}
