#include "apps/events/event_json.hpp"
#include "apps/events/json_node.hpp"
#include "dynamo/wire/event_codec.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <string>

#include "support/catch.hpp"

using dynamo::event_kind;
using dynamo::event_kind_of;
using dynamo::apps::event_from;
using dynamo::apps::json_of;
using nlohmann::json;

namespace {

json vectors() {
  std::ifstream file{DYNAMO_TEST_DATA "/vectors/payloads.json"};
  json all = json::parse(file);
  std::ifstream of_ours{DYNAMO_TEST_DATA "/vectors/sequence_states.json"};
  for (const json& each : json::parse(of_ours)) {
    all.push_back(each);
  }
  return all;
}

dynamo::event decoded(const json& vector) {
  const auto bytes = dynamo::from_hex(vector["hex"].get<std::string>());
  REQUIRE(bytes);
  const auto value = dynamo::decode_event(
      event_kind_of(vector["topic"].get<std::string>()), *bytes);
  REQUIRE(value);
  return *value;
}

bool is_typed(const json& vector) {
  return event_kind_of(vector["topic"].get<std::string>()) != event_kind::raw;
}

std::string failure_of(const std::string& text, event_kind kind) {
  const auto value = event_from(json::parse(text), kind);
  REQUIRE_FALSE(value);
  CHECK(value.error().code == dynamo::errc::invalid);
  return value.error().message;
}

constexpr const char* removed_event =
    R"({"worker_id": 7, "event": {"event_id": 1,
        "data": {"removed": {"block_hashes": [18446744073709551615]}}}})";

} // namespace

TEST_CASE("an event survives the way to JSON and back") {
  for (const json& vector : vectors()) {
    INFO(vector["name"]);
    const dynamo::event value = decoded(vector);
    const auto back = event_from(
        json_of(value), event_kind_of(vector["topic"].get<std::string>()));
    REQUIRE(back);
    CHECK(*back == value);
  }
}

TEST_CASE("the JSON of a payload means what its bytes mean") {
  for (json vector : vectors()) {
    if (!is_typed(vector)) {
      continue;
    }
    INFO(vector["name"]);
    // Of a development branch; we know no such member.
    if (vector["value"].is_object()) {
      vector["value"].erase("scheduler_load_scope");
    }
    const auto read = event_from(
        vector["value"], event_kind_of(vector["topic"].get<std::string>()));
    REQUIRE(read);
    CHECK(*read == decoded(vector));
  }
}

TEST_CASE("the JSON of an event has the members of its payload") {
  for (const json& vector : vectors()) {
    const auto written = vector["written_by"].get<std::string>();
    if (!is_typed(vector) || written.find("1.4") == std::string::npos ||
        written.find("to") != std::string::npos) {
      continue;
    }
    INFO(vector["name"]);
    CHECK(json_of(decoded(vector)) == vector["value"]);
  }
}

TEST_CASE("a topic that nobody knows is hex") {
  const auto value = event_from(json{{"hex", "00ff"}}, event_kind::raw);
  REQUIRE(value);
  CHECK(json_of(*value) == json{{"hex", "00ff"}});
}

TEST_CASE("a state source is kept as JSON, or as hex where JSON has no word") {
  dynamo::router_event change;
  change.state_source = {0x81, 0xa1, 'a', 0x01};
  const auto plain = json_of(dynamo::kv_events{change});
  CHECK(plain[0]["state_source"] == json{{"a", 1}});
  CHECK(*event_from(plain, event_kind::kv_events) ==
        dynamo::event{dynamo::kv_events{change}});

  change.state_source = {0x81, 0x01, 0x02};
  const auto odd = json_of(dynamo::kv_events{change});
  CHECK(odd[0]["state_source"] == json{{"hex", "810102"}});
  CHECK(*event_from(odd, event_kind::kv_events) ==
        dynamo::event{dynamo::kv_events{change}});
}

TEST_CASE("one event may stand where several could") {
  const auto value =
      event_from(json::parse(removed_event), event_kind::kv_events);
  REQUIRE(value);
  CHECK(std::get<dynamo::kv_events>(*value).size() == 1);
}

TEST_CASE("a mistake in JSON is named with its path") {
  json event = json::parse(removed_event);
  event["event"]["dp_rank"] = -1;
  CHECK(failure_of(json::array({event}).dump(), event_kind::kv_events) ==
        "[0].event.dp_rank: expected an integer from 0 to 4294967295, got -1");
  CHECK(failure_of(R"({"worker_id": 7, "dp_rnak": 1})",
                   event_kind::active_load) ==
        "dp_rnak: expected no such member (there are: worker_id, dp_rank, "
        "active_decode_blocks, active_prefill_tokens, kv_used_blocks), got 1");
  CHECK(failure_of("{}", event_kind::active_load) ==
        "worker_id: expected an integer from 0 to 18446744073709551615, got "
        "nothing");
  CHECK(failure_of("[]", event_kind::active_load) ==
        "the value: expected an object, got an array");
  CHECK(failure_of(R"({"hex": "0g"})", event_kind::raw) ==
        "hex: expected hex digits, got \"0g\"");
}

TEST_CASE("a block without its hash is named with its place") {
  const std::string text = R"([{"worker_id": 7, "event": {"event_id": 1,
      "data": {"stored": {"parent_hash": null,
        "blocks": [{"block_hash": 1, "tokens_hash": 2}, {"block_hash": 1}]}},
      "dp_rank": 0}}])";
  CHECK(failure_of(text, event_kind::kv_events)
            .find("[0].event.data.stored.blocks[1].tokens_hash: ") == 0);
}

TEST_CASE("a change of no known kind is refused") {
  for (const char* change : {R"("gone")", "{}", "3", R"({"stored": 1})",
                             R"({"stored": {}, "removed": {}})"}) {
    INFO(change);
    const std::string text =
        std::string{R"({"worker_id": 7, "event": {"event_id": 1, "data": )"} +
        change + "}}";
    CHECK(failure_of(text, event_kind::kv_events).find("event.data") == 0);
  }
}

TEST_CASE("a sequence state that makes no sense is refused") {
  for (const char* said :
       {R"({})", R"({"Summary": {"requests": 1}})",
        R"({"Wanted": {"owner": 1}, "Summary": {"requests": 1, "digest": 2}})",
        R"({"Snapshot": {"number": 1, "part": 1, "parts": 1, "requests": []}})",
        R"({"Snapshot": {"number": 1, "part": 0, "parts": 1, "requests": [
             {"added": {"request_id": "a", "router_id": 9, "data": "Free",
                        "worker": {"worker_id": 1, "dp_rank": 0}},
              "prefill_completed": true, "age_ms": 1}]}})"}) {
    INFO(said);
    const std::string text =
        std::string{R"({"router_id": 9, "data": )"} + said + "}";
    CHECK(failure_of(text, event_kind::sequence_state).find("data") == 0);
  }
}

TEST_CASE("parse_json refuses what is no JSON and what is too deep") {
  CHECK_FALSE(dynamo::apps::parse_json("{"));
  CHECK_FALSE(dynamo::apps::parse_json(""));
  CHECK_FALSE(dynamo::apps::parse_json(std::string(10'000, '[')));
  CHECK_FALSE(
      dynamo::apps::parse_json(std::string(40, '[') + std::string(40, ']')));
  CHECK(dynamo::apps::parse_json("[1]"));
}
