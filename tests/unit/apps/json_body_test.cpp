#include "apps/app/json_body.hpp"

#include <nlohmann/json.hpp>

#include <string>

#include "support/catch.hpp"

using namespace dynamo::apps;
using nlohmann::json;

TEST_CASE("parse_body accepts an object and nothing else") {
  CHECK(parse_body(R"({"a": 1})"));
  for (const char* wrong : {"", "[]", "1", "null", "{", "{\"a\":}", "{} x",
                            "// comment\n{}", "\xff"}) {
    CAPTURE(wrong);
    const auto body = parse_body(wrong);
    REQUIRE_FALSE(body);
    CHECK(body.error().code == dynamo::errc::malformed);
    CHECK(body.error().message.starts_with("expected a JSON object"));
  }
}

TEST_CASE("parse_body refuses deep nesting without keeping it") {
  const std::size_t depth = 200'000;
  const auto body = parse_body("{\"a\":" + std::string(depth, '[') +
                               std::string(depth, ']') + "}");
  REQUIRE_FALSE(body);
  CHECK(body.error().message == "expected JSON of at most 32 levels");
}

TEST_CASE("integer_of keeps all 64 bits and checks its limit") {
  const json body = {{"a", 18446744073709551615U}, {"b", -1}, {"c", 1.5}};
  const auto all = integer_of(body, "a", 18446744073709551615U);
  REQUIRE(all);
  CHECK(*all == 18446744073709551615U);
  CHECK(integer_of(body, "a", 7).error().message ==
        "a: expected an integer from 0 to 7, got 18446744073709551615");
  CHECK_FALSE(integer_of(body, "b", 7));
  CHECK_FALSE(integer_of(body, "c", 7));
  CHECK(integer_of(body, "d", 7).error().message ==
        "d: expected an integer from 0 to 7, got nothing");
}

TEST_CASE("optional members may be absent or null, but not wrong") {
  const json body = {{"a", nullptr}, {"b", "x"}, {"c", 5}};
  CHECK_FALSE(*optional_integer_of(body, "a", 7));
  CHECK_FALSE(*optional_integer_of(body, "d", 7));
  CHECK_FALSE(optional_integer_of(body, "b", 7));
  CHECK(**optional_integer_of(body, "c", 7) == 5);
  CHECK(*boolean_of(body, "d", true));
  CHECK_FALSE(boolean_of(body, "c", true));
}

TEST_CASE("text_of refuses an empty text") {
  const json body = {{"a", ""}, {"b", "x"}};
  CHECK(*text_of(body, "b") == "x");
  CHECK_FALSE(text_of(body, "a"));
  CHECK_FALSE(text_of(body, "c"));
}

TEST_CASE("integers_of names the item that is wrong") {
  const json body = {{"a", {1, 2, 3}}, {"b", {1, "x"}}, {"c", 5}};
  CHECK(*integers_of(body, "a", 3, 3) == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(integers_of(body, "a", 3, 2).error().code == dynamo::errc::too_large);
  CHECK(integers_of(body, "a", 2, 3).error().message ==
        "a[2]: expected an integer from 0 to 2, got 3");
  CHECK(integers_of(body, "b", 2, 3).error().message ==
        "b[1]: expected an integer from 0 to 2, got a value of type string");
  CHECK_FALSE(integers_of(body, "c", 2, 3));
}
