#include "apps/app/json_body.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <string>
#include <string_view>

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

TEST_CASE("parse_body refuses a member that is named twice") {
  const auto body = parse_body(R"({"a":1,"b":{"a":2},"a":3})");
  REQUIRE_FALSE(body);
  CHECK(body.error().message == "a: expected once, got twice");
  CHECK(parse_body(R"({"a":1,"b":{"a":2}})"));
}

TEST_CASE("only_members names the first that is unknown") {
  const auto known = std::to_array<std::string_view>({"a", "b"});
  CHECK(only_members({{"a", 1}, {"b", 2}}, known));
  CHECK(only_members(json::object(), known));
  CHECK(only_members({{"a", 1}, {"c", 2}}, known).error().message ==
        "c: unknown member");
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

TEST_CASE("a text beyond its limit is too large") {
  const json body = {{"a", "four"}, {"b", nullptr}};
  CHECK(*text_of(body, "a", 4) == "four");
  CHECK(text_of(body, "a", 3).error().code == dynamo::errc::too_large);
  CHECK(text_of(body, "a", 3).error().message ==
        "a: expected at most 3 bytes, got 4");
  CHECK(**optional_text_of(body, "a", 4) == "four");
  CHECK_FALSE(optional_text_of(body, "a", 3));
  CHECK_FALSE(*optional_text_of(body, "b", 3));
  CHECK_FALSE(*optional_text_of(body, "c", 3));
}

TEST_CASE("optional_number_of takes numbers of a range") {
  const json body = {{"a", 1}, {"b", 0.5}, {"c", "1"}, {"d", true}};
  CHECK(**optional_number_of(body, "a", {0, 1}) == 1);
  CHECK(**optional_number_of(body, "b", {0, 1}) == 0.5);
  CHECK_FALSE(*optional_number_of(body, "e", {0, 1}));
  CHECK(optional_number_of(body, "a", {2, 3}).error().message ==
        "a: expected a number from 2.0 to 3.0, got 1");
  CHECK_FALSE(optional_number_of(body, "c", {0, 1}));
  CHECK_FALSE(optional_number_of(body, "d", {0, 1}));
}

TEST_CASE("optional_boolean_of tells absence from false") {
  const json body = {{"a", false}, {"b", nullptr}, {"c", 0}};
  CHECK_FALSE(**optional_boolean_of(body, "a"));
  CHECK_FALSE(*optional_boolean_of(body, "b"));
  CHECK_FALSE(*optional_boolean_of(body, "d"));
  CHECK_FALSE(optional_boolean_of(body, "c"));
}

TEST_CASE("optional_texts_of limits how many there are and how long") {
  const json body = {{"a", {"x", "yy"}}, {"b", {"x", 1}}, {"c", "x"}};
  CHECK(*optional_texts_of(body, "a", {2, 2}) ==
        std::vector<std::string>{"x", "yy"});
  CHECK(optional_texts_of(body, "d", {2, 2})->empty());
  CHECK(optional_texts_of(body, "a", {1, 2}).error().code ==
        dynamo::errc::too_large);
  CHECK(optional_texts_of(body, "a", {2, 1}).error().message ==
        "a[1]: expected at most 1 bytes, got 2");
  CHECK(optional_texts_of(body, "b", {2, 2}).error().message ==
        "b[1]: expected a text that is not empty, got 1");
  CHECK_FALSE(optional_texts_of(body, "c", {2, 2}));
}

TEST_CASE("optional_weights_of names the weight that is wrong") {
  const json body = {{"a", {{"x", 0.5}, {"y", -1}}}, {"b", {{"x", "y"}}}};
  using weights = std::vector<std::pair<std::string, double>>;
  CHECK(*optional_weights_of(body, "a", {2, 1}, {-1, 1}) ==
        weights{{"x", 0.5}, {"y", -1}});
  CHECK(optional_weights_of(body, "c", {2, 1}, {-1, 1})->empty());
  CHECK(optional_weights_of(body, "a", {1, 1}, {-1, 1}).error().code ==
        dynamo::errc::too_large);
  CHECK_FALSE(optional_weights_of(body, "a", {2, 0}, {-1, 1}));
  CHECK_FALSE(optional_weights_of(body, "a", {2, 1}, {0, 1}));
  CHECK(optional_weights_of(body, "b", {2, 1}, {0, 1}).error().message ==
        "b.x: expected a number from 0.0 to 1.0, got a value of type string");
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
