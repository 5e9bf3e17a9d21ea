#include "dynamo/wire/engine_codec.hpp"

#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "unit/wire/golden.hpp"

using namespace dynamo;
using nlohmann::json;

namespace {

engine_batch decoded(const byte_buffer& payload) {
  auto batch = decode_engine_batch(payload);
  INFO((batch ? "" : batch.error().message));
  REQUIRE(batch);
  return *std::move(batch);
}

engine_batch decoded(const json& payload) {
  INFO(payload.dump());
  byte_buffer bytes;
  json::to_msgpack(payload, bytes);
  return decoded(bytes);
}

engine_batch batch_of(const json& event_json) {
  return decoded(json::array({1.5, json::array({event_json}), 0}));
}

template <class Event>
Event only(const engine_batch& batch) {
  for (const error& reason : batch.skip_reasons) {
    UNSCOPED_INFO(reason.message);
  }
  REQUIRE(batch.events.size() == 1);
  REQUIRE(std::holds_alternative<Event>(batch.events[0]));
  return std::get<Event>(batch.events[0]);
}

std::string skip_reason(const json& event_json) {
  INFO(event_json.dump());
  const engine_batch batch = batch_of(event_json);
  CHECK(batch.events.empty());
  CHECK(batch.skipped == 1);
  REQUIRE(batch.skip_reasons.size() == 1);
  return batch.skip_reasons[0].message;
}

json stored_json() {
  return json::array(
      {"BlockStored", {101, 102}, nullptr, {1, 2, 3, 4}, 2, nullptr, "GPU"});
}

json stored_map() {
  return {{"type", "BlockStored"},
          {"block_hashes", {101}},
          {"parent_block_hash", 100},
          {"token_ids", {1, 2}},
          {"block_size", 2}};
}

using hashes = std::vector<std::uint64_t>;
using tokens = std::vector<std::uint32_t>;

} // namespace

TEST_CASE("decode_engine_batch reads every golden batch") {
  const json rows = golden("engine_batches.json");
  REQUIRE(rows.size() == 4);
  for (const json& row : rows) {
    INFO(row["name"]);
    const engine_batch batch = decoded(golden_bytes(row["hex"]));
    CHECK(batch.timestamp == row["value"][0].get<double>());
    CHECK(batch.events.size() == row["value"][1].size());
    CHECK(batch.skipped == 0);
  }
}

TEST_CASE("positional engine events mean what their positions say") {
  const engine_batch batch =
      decoded(golden_bytes(golden("engine_batches.json")[0]["hex"]));
  CHECK(batch.data_parallel_rank == 0);
  const auto& stored = std::get<engine_blocks_stored>(batch.events[0]);
  CHECK(stored.block_hashes == hashes{101, 102});
  CHECK_FALSE(stored.parent_hash);
  CHECK(stored.token_ids == tokens{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(stored.block_size == 4);
  CHECK(stored.cache.medium == "GPU");
  const auto& removed = std::get<engine_blocks_removed>(batch.events[1]);
  CHECK(removed.block_hashes == hashes{102});
  CHECK(removed.cache.medium == "GPU");
  CHECK(std::holds_alternative<engine_blocks_cleared>(batch.events[2]));
}

TEST_CASE("engine events as maps mean the same") {
  const engine_batch batch =
      decoded(golden_bytes(golden("engine_batches.json")[1]["hex"]));
  const auto& stored = std::get<engine_blocks_stored>(batch.events[0]);
  CHECK(stored.block_hashes == hashes{103});
  CHECK(stored.parent_hash == 102);
  CHECK(stored.token_ids == tokens{9, 10, 11, 12});
  CHECK(stored.cache.medium == "GPU");
  CHECK(std::get<engine_blocks_removed>(batch.events[1]).block_hashes ==
        hashes{103});
  CHECK(std::holds_alternative<engine_blocks_cleared>(batch.events[2]));
}

TEST_CASE("a signed engine hash becomes its two's complement") {
  const engine_batch batch =
      decoded(golden_bytes(golden("engine_batches.json")[2]["hex"]));
  CHECK_FALSE(batch.data_parallel_rank);
  CHECK(std::get<engine_blocks_stored>(batch.events[0]).block_hashes ==
        hashes{std::numeric_limits<std::uint64_t>::max()});
}

TEST_CASE("an engine batch may be a map, with either name of the rank") {
  for (const std::string key : {"data_parallel_rank", "dp_rank"}) {
    const engine_batch batch =
        decoded(json{{"ts", 2.5},
                     {"events", json::array({stored_map()})},
                     {key, 3},
                     {"more", "x"}});
    CHECK(batch.timestamp == 2.5);
    CHECK(batch.events.size() == 1);
    CHECK(batch.data_parallel_rank == 3);
  }
}

TEST_CASE("an engine batch of two elements has no rank") {
  CHECK_FALSE(decoded(json::array({1, json::array()})).data_parallel_rank);
}

TEST_CASE("a stored engine event keeps its whole tail") {
  json event_json = stored_json();
  event_json.insert(event_json.end(),
                    {"adapter", json::array({nullptr, {"salt"}}), 1,
                     "full_attention", 128, "local", "engine"});
  const auto stored = only<engine_blocks_stored>(batch_of(event_json));
  CHECK(stored.lora_name == "adapter");
  REQUIRE(stored.extra_keys.size() == 2);
  CHECK(stored.extra_keys[0].empty());
  CHECK(stored.extra_keys[1] ==
        std::vector<engine_extra_key>{std::string{"salt"}});
  CHECK(stored.cache.group_idx == 1);
  CHECK(stored.cache.spec_kind == "full_attention");
  CHECK(stored.cache.sliding_window == 128);
  CHECK(stored.cache.locality == "local");
  CHECK(stored.cache.ownership == "engine");
}

TEST_CASE("a stored engine map keeps what has no position") {
  json event_json = stored_map();
  event_json["cache_salt"] = "tenant-1";
  event_json["session_id"] = "s";
  event_json["lookahead_token_ids"] = {{3, 4}, nullptr};
  event_json["block_mm_infos"] = {
      nullptr,
      {{"mm_objects", {{{"mm_hash", 7}, {"offsets", json::array()}}}}}};
  event_json["unknown"] = {{"a", 1}};
  const auto stored = only<engine_blocks_stored>(batch_of(event_json));
  CHECK(stored.cache_salt == "tenant-1");
  CHECK(stored.cache.session_id == "s");
  CHECK(stored.lookahead_token_ids == std::vector<tokens>{{3, 4}, {}});
  REQUIRE(stored.mm_objects.size() == 2);
  CHECK_FALSE(stored.mm_objects[0]);
  CHECK(stored.mm_objects[1] == std::vector<mm_object>{{7, {}}});
}

TEST_CASE("an old sender may stop after the block size") {
  const auto stored = only<engine_blocks_stored>(
      batch_of(json::array({"BlockStored", {1}, 2, {1, 2}, 2})));
  CHECK(stored.parent_hash == 2);
  CHECK_FALSE(stored.cache.medium);
}

TEST_CASE("pairs of tokens are kept as pairs") {
  json event_json = stored_json();
  event_json[3] = json::array({{1, 2}, {2, 3}});
  const auto stored = only<engine_blocks_stored>(batch_of(event_json));
  CHECK(stored.token_ids.empty());
  using pairs = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
  CHECK(stored.token_pairs == pairs{{1, 2}, {2, 3}});
}

TEST_CASE("extra keys of every known kind are kept and others left out") {
  json event_json = stored_map();
  event_json["extra_keys"] = json::array({json::array({"text",
                                                       {"img", 5},
                                                       json::binary({1, 2}),
                                                       -1,
                                                       1.5,
                                                       nullptr,
                                                       {1, 2, 3},
                                                       json::object()})});
  const auto stored = only<engine_blocks_stored>(batch_of(event_json));
  REQUIRE(stored.extra_keys.size() == 1);
  CHECK(stored.extra_keys[0] ==
        std::vector<engine_extra_key>{
            std::string{"text"}, std::pair{std::string{"img"}, std::int64_t{5}},
            byte_buffer{1, 2}, std::numeric_limits<std::uint64_t>::max()});
}

TEST_CASE("a hash of bytes is its last eight, big-endian") {
  json event_json = stored_map();
  event_json["block_hashes"] =
      json::array({json::binary({9, 9, 0, 0, 0, 0, 0, 0, 1, 2})});
  event_json["parent_block_hash"] = json::binary({0, 0, 0, 0, 0, 0, 0, 3});
  const auto stored = only<engine_blocks_stored>(batch_of(event_json));
  CHECK(stored.block_hashes == hashes{258});
  CHECK(stored.parent_hash == 3);
}

TEST_CASE("a hash of fewer than eight bytes is a reason to skip the event") {
  json event_json = stored_map();
  event_json["block_hashes"] = json::array({json::binary({1, 2, 3})});
  CHECK(skip_reason(event_json).find("expected 8 bytes or more") !=
        std::string::npos);
}

TEST_CASE("a bad engine event is skipped and the rest of the batch is kept") {
  json bad = stored_json();
  bad.push_back({{"a", 1}});
  const engine_batch batch = decoded(json::array(
      {1.5, json::array({stored_json(), bad, "text", stored_map()}), 0}));
  CHECK(batch.events.size() == 2);
  CHECK(batch.skipped == 2);
  CHECK(batch.skip_reasons.size() == 2);
}

TEST_CASE("an engine batch keeps only the first reasons") {
  const engine_batch batch =
      decoded(json::array({1.5, std::vector<int>(20, 7), 0}));
  CHECK(batch.skipped == 20);
  CHECK(batch.skip_reasons.size() == engine_skip_reasons_max);
}

TEST_CASE("engine events that cannot be read say why") {
  const auto without = [](const std::string& key) {
    json event_json = stored_map();
    event_json.erase(key);
    return skip_reason(event_json);
  };
  for (const std::string key :
       {"type", "block_hashes", "token_ids", "block_size"}) {
    CHECK(without(key).find("missing key " + key) != std::string::npos);
  }
  CHECK(skip_reason(json::array()).find("expected an event with a tag") !=
        std::string::npos);
  json event_json = stored_map();
  event_json["token_ids"] = json::array({4294967296});
  skip_reason(event_json);
  event_json["token_ids"] = json::array({-1});
  skip_reason(event_json);
}

TEST_CASE("ignored and unknown engine events are told apart") {
  only<engine_ignored>(batch_of(json::array({"Ignored", 1, 2})));
  only<engine_ignored>(batch_of({{"type", "Ignored"}, {"x", 1}}));
  CHECK(only<engine_unknown>(batch_of(json::array({"BlockMoved", {1}}))).tag ==
        "BlockMoved");
  CHECK(only<engine_unknown>(batch_of({{"type", "BlockMoved"}})).tag ==
        "BlockMoved");
}

TEST_CASE("cleared engine blocks may name their owner") {
  CHECK(only<engine_blocks_cleared>(
            batch_of({{"type", "AllBlocksCleared"}, {"ownership", "engine"}}))
            .ownership == "engine");
  CHECK_FALSE(
      only<engine_blocks_cleared>(batch_of(json::array({"AllBlocksCleared"})))
          .ownership);
}

TEST_CASE("what is no engine batch is refused") {
  const auto refused = [](const json& payload) {
    INFO(payload.dump());
    CHECK_FALSE(decode_engine_batch(json::to_msgpack(payload)));
  };
  refused(json::array());
  refused(json::array({1.5}));
  refused(json::array({"now", json::array()}));
  refused(json::array({1.5, "events"}));
  refused(json::array({1.5, json::array(), "rank"}));
  refused(json::array({1.5, json::array(), 2147483648}));
  refused({{"ts", 1.5}});
  refused("batch");
}

TEST_CASE("every truncation of an engine batch is refused") {
  for (const json& row : golden("engine_batches.json")) {
    const byte_buffer payload = golden_bytes(row["hex"]);
    for (std::size_t size = 0; size < payload.size(); ++size) {
      INFO(row["name"] << " cut to " << size);
      CHECK_FALSE(decode_engine_batch(first_bytes(payload, size)));
    }
  }
}

TEST_CASE("an engine message has three parts and a sequence of eight bytes") {
  const byte_buffer topic;
  const byte_buffer sequence = {0, 0, 0, 0, 0, 0, 1, 2};
  const byte_buffer payload = {0x90};
  std::vector<byte_view> parts = {topic, sequence, payload};
  const auto message = read_engine_message(parts);
  REQUIRE(message);
  CHECK(message->topic.empty());
  CHECK(message->sequence == 258);
  CHECK(message->payload.data() == payload.data());

  parts[1] = byte_view{sequence}.first(7);
  CHECK(read_engine_message(parts).error().message ==
        "engine message: expected a sequence of 8 bytes, got 7");
  parts.pop_back();
  CHECK(read_engine_message(parts).error().message ==
        "engine message: expected 3 parts, got 2");
}
