#include "dynamo/wire/event_codec.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "unit/wire/event_json.hpp"
#include "unit/wire/golden.hpp"

using namespace dynamo;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

json free_json() {
  return {{"request_id", "r"},
          {"worker", {{"worker_id", 7}, {"dp_rank", 1}}},
          {"data", "Free"},
          {"router_id", 99}};
}

json add_json(json request) {
  json event_json = free_json();
  event_json["data"] = {{"AddRequest", std::move(request)}};
  return event_json;
}

result<active_sequence_events> decoded(const json& payload) {
  active_sequence_events events;
  const auto skipped = decode_active_sequences(json::to_msgpack(payload),
                                               unreadable_policy::fail, events);
  if (!skipped) {
    return skipped.error();
  }
  return events;
}

add_request added(const json& request) {
  const auto events = decoded(add_json(request));
  INFO((events ? "" : events.error().message));
  REQUIRE(events);
  return std::get<add_request>(events->at(0).data);
}

json batch_of(std::size_t count) {
  return {{"events", std::vector<json>(count, free_json())}};
}

} // namespace

TEST_CASE("active sequence events come as a batch or as one") {
  CHECK(decoded(batch_of(2))->size() == 2);
  CHECK(decoded(batch_of(0))->empty());
  CHECK(decoded(free_json())->size() == 1);
}

TEST_CASE("the key events makes a batch wherever it stands") {
  json batch = batch_of(3);
  batch["aaa"] = {1, 2, 3};
  CHECK(decoded(batch)->size() == 3);
}

TEST_CASE("active sequence events are read as positional arrays") {
  const json event_json =
      json::array({"r", json::array({7, 1}), "Free", 99, "lora"});
  const auto single = decoded(event_json);
  REQUIRE(single);
  CHECK(single->at(0).worker == worker_rank{7, 1});
  CHECK(single->at(0).lora_name == "lora");
  const auto batch = decoded(json::array({json::array({event_json})}));
  REQUIRE(batch);
  CHECK(*batch == *single);
}

TEST_CASE("a batch of more than 256 events is refused") {
  CHECK(decoded(batch_of(256)));
  const auto refused = decoded(batch_of(257));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::too_large);
}

TEST_CASE("an added request may say next to nothing") {
  const add_request request = added(json::object());
  CHECK_FALSE(request.token_sequence);
  CHECK(request.track_prefill_tokens);
  CHECK_FALSE(request.expected_output_tokens);
  CHECK_FALSE(request.prefill_hint);
}

TEST_CASE("an added request of Dynamo 1.0 is read") {
  const add_request request = added({{"token_sequence", {1, 2}},
                                     {"isl", 32},
                                     {"overlap", 1},
                                     {"expected_output_tokens", nullptr}});
  CHECK(request.token_sequence == std::vector<std::uint64_t>{1, 2});
}

TEST_CASE("a prefill duration keeps its nanoseconds") {
  const add_request request = added(
      {{"prefill_load_hint",
        {{"initial_effective_prefill_tokens", 8},
         {"expected_prefill_duration", {{"secs", 2}, {"nanos", 500000001}}}}}});
  REQUIRE(request.prefill_hint);
  CHECK(request.prefill_hint->initial_effective_prefill_tokens == 8);
  CHECK(request.prefill_hint->expected_prefill_duration ==
        std::chrono::nanoseconds{2500000001});
}

TEST_CASE("a prefill duration beyond all measure becomes the longest") {
  const add_request request =
      added({{"prefill_load_hint",
              {{"initial_effective_prefill_tokens", 8},
               {"expected_prefill_duration",
                {{"secs", 18446744073709551615U}, {"nanos", 1}}}}}});
  CHECK(request.prefill_hint->expected_prefill_duration ==
        std::chrono::nanoseconds::max());
}

TEST_CASE("a negative prefill duration is written as none at all") {
  active_sequence_event sent;
  sent.data = add_request{{}, true, {}, prefill_load_hint{1, -1ns}};
  byte_buffer bytes;
  encode_active_sequences({&sent, 1}, payload_generation::v1_3, bytes);
  const json written = json::from_msgpack(bytes);
  CHECK(written["data"]["AddRequest"]["prefill_load_hint"]
               ["expected_prefill_duration"] ==
        json({{"secs", 0}, {"nanos", 0}}));
}

TEST_CASE("decode_active_sequences refuses what Dynamo refuses") {
  for (const std::string key : {"request_id", "worker", "data", "router_id"}) {
    json sparse = free_json();
    sparse.erase(key);
    INFO(key);
    const auto refused = decoded(sparse);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message ==
          "active_sequences_events: offset 0: missing key " + key);
  }
  json unknown = free_json();
  unknown["data"] = "Pause";
  CHECK(decoded(unknown).error().code == errc::unsupported);
  CHECK_FALSE(decoded(add_json({{"track_prefill_tokens", 1}})));
  CHECK_FALSE(decoded(add_json({{"token_sequence", {-1}}})));
}

TEST_CASE("a bad event of a batch can be skipped") {
  json batch = batch_of(3);
  batch["events"][1]["data"] = "Pause";
  active_sequence_events events;
  const auto skipped = decode_active_sequences(json::to_msgpack(batch),
                                               unreadable_policy::skip, events);
  REQUIRE(skipped);
  CHECK(skipped->count == 1);
  CHECK(events.size() == 2);
}

TEST_CASE("split_active_sequences sends what readers accept") {
  const active_sequence_events events(300);
  const auto batches = split_active_sequences(events, payload_generation::v1_4);
  REQUIRE(batches.size() == 2);
  CHECK(batches[0].size() == 256);
  CHECK(batches[1].size() == 44);
  CHECK(split_active_sequences(events, payload_generation::v1_4_nats).size() ==
        300);
  CHECK(split_active_sequences(events, payload_generation::v1_3).size() == 300);
  CHECK(split_active_sequences({}, payload_generation::v1_4).empty());
}

TEST_CASE("a session affinity update may leave out the rank") {
  const auto update = decode_session_affinity(json::to_msgpack(
      {{"session_id", "s"}, {"worker_id", 7}, {"router_id", 9}}));
  REQUIRE(update);
  CHECK_FALSE(update->dp_rank);
  const auto refused =
      decode_session_affinity(json::to_msgpack({{"session_id", "s"}}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message ==
        "session_affinity_events: offset 0: missing key worker_id");
}
