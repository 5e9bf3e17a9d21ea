#include "dynamo/config/json_source.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"

using dynamo::json_container;
using dynamo::json_entry;
using dynamo::read_json;
using dynamo::scalar;

namespace {

std::string failure_of(const std::string& text) {
  const auto entries = read_json({"a.jsonc", text});
  REQUIRE_FALSE(entries);
  CHECK(entries.error().code == dynamo::errc::invalid);
  return entries.error().message;
}

} // namespace

TEST_CASE("read_json gives dotted keys, values and lines in order") {
  const auto entries = read_json({"a.jsonc", R"({
  // a comment
  "event_plane": "zmq", /* two
  lines */ "zmq": {
    "send_hwm": 5

  },
  "kv_events": false, "worker": { "speedup": 1.5, "worker_id":
    18446744073709551615 } })"});

  REQUIRE(entries);
  REQUIRE(entries->size() == 7);
  const std::vector<json_entry> expected{
      {"event_plane", 3, std::string{"zmq"}},
      {"zmq", 4, json_container::object},
      {"zmq.send_hwm", 5, std::uint64_t{5}},
      {"kv_events", 8, false},
      {"worker", 8, json_container::object},
      {"worker.speedup", 8, 1.5},
      {"worker.worker_id", 8, std::uint64_t{18446744073709551615U}}};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK((*entries)[i].key == expected[i].key);
    CHECK((*entries)[i].line == expected[i].line);
    CHECK(((*entries)[i].value == expected[i].value));
  }
}

TEST_CASE("read_json passes over what stands in an array") {
  const auto entries =
      read_json({"a.jsonc", R"({"a": [{"a": [1]}, []], "b": null})"});

  REQUIRE(entries);
  REQUIRE(entries->size() == 2);
  CHECK(((*entries)[0].value == scalar{json_container::array}));
  CHECK(((*entries)[1].value == scalar{}));
}

TEST_CASE("read_json accepts an empty object") {
  const auto entries = read_json({"a.jsonc", " {} // nothing"});
  REQUIRE(entries);
  CHECK(entries->empty());
}

TEST_CASE("read_json refuses a key given twice and names both lines") {
  CHECK(failure_of("{\"a\": 1,\n\"b\": {\"a\": 2},\n\"a\": 3}") ==
        "a.jsonc:3: a: given twice, first in line 1");
  CHECK(failure_of("{\"b\": {\"a\": 1},\n\"b\": {\"c\": 3}}") ==
        "a.jsonc:2: b: given twice, first in line 1");
}

TEST_CASE("read_json refuses a key with a dot") {
  CHECK(failure_of("{\n\"zmq.host\": \"\"}") ==
        "a.jsonc:2: \"zmq.host\": unknown key; write sections as nested "
        "objects");
}

TEST_CASE("read_json refuses everything but an object") {
  CHECK(failure_of("[1]") == "a.jsonc:1: expected an object, got an array");
  CHECK(failure_of("5") == "a.jsonc:1: expected an object, got 5");
  CHECK(failure_of("") != "");
  CHECK(failure_of("// only a comment") != "");
}

TEST_CASE("read_json names the line of a syntax error") {
  using Catch::Matchers::StartsWith;
  CHECK_THAT(failure_of("{\n  \"a\": 1\n  \"b\": 2\n}"),
             StartsWith("a.jsonc:3: syntax error"));
  CHECK_THAT(failure_of("{\n  \"a\": 1,\n}\n"),
             StartsWith("a.jsonc:3: syntax error"));
  CHECK_THAT(failure_of("{\n  \"a\": tru\n}\n"),
             StartsWith("a.jsonc:2: syntax error"));
  CHECK_THAT(failure_of("{\n  \"a\": 1\n} trailing"),
             StartsWith("a.jsonc:3: syntax error"));
  CHECK(failure_of("{\"a\": 1,\n\"b\": 1e999}") ==
        "a.jsonc:2: number overflow");
  CHECK_THAT(failure_of("{\n  \"a\": 1 /* open\n"), StartsWith("a.jsonc:"));
}

TEST_CASE("read_json answers every truncation with an error") {
  const std::string whole = R"({"zmq": {"host": "a", "hwm": [1, {"x": -1}]}})";
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(read_json({"a.jsonc", whole.substr(0, length)}));
  }
  CHECK(read_json({"a.jsonc", whole}));
}

TEST_CASE("read_json survives deep nesting") {
  CHECK_FALSE(read_json({"a.jsonc", "{\"a\":" + std::string(500'000, '[')}));
}
