#include "dynamo/wire/event_codec.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"
#include "unit/wire/event_json.hpp"
#include "unit/wire/golden.hpp"

using namespace dynamo;
using nlohmann::json;

namespace {

byte_buffer packed(const json& value) {
  byte_buffer bytes;
  json::to_msgpack(value, bytes);
  return bytes;
}

/// A removed event of worker 7 as a peer writes it.
json removed_json() {
  return {{"worker_id", 7},
          {"storage_tier", "device"},
          {"event",
           {{"event_id", 1},
            {"data", {{"removed", {{"block_hashes", {5}}}}}},
            {"dp_rank", 2}}}};
}

json with(json value, const std::string& pointer, json replacement) {
  value[json::json_pointer{pointer}] = std::move(replacement);
  return value;
}

kv_events events_of(const json& payload) {
  kv_events events;
  const auto skipped =
      decode_kv_events(packed(payload), unreadable_policy::fail, events);
  INFO(payload.dump());
  INFO((skipped ? "" : skipped.error().message));
  REQUIRE(skipped);
  CHECK(skipped->count == 0);
  return events;
}

error refused(const byte_buffer& payload) {
  kv_events events;
  const auto skipped =
      decode_kv_events(payload, unreadable_policy::fail, events);
  REQUIRE_FALSE(skipped);
  CHECK(events.empty());
  return skipped.error();
}

error refused(const json& event_json) {
  INFO(event_json.dump());
  return refused(packed(json::array({event_json})));
}

router_event stored_event(std::size_t blocks) {
  router_event made;
  made.event.data = kv_stored{{}, {}, std::vector<kv_block>(blocks)};
  return made;
}

std::vector<std::size_t> sizes_of(const std::vector<kv_events>& messages) {
  std::vector<std::size_t> sizes;
  for (const kv_events& message : messages) {
    sizes.push_back(message.size());
  }
  return sizes;
}

using sizes = std::vector<std::size_t>;

} // namespace

TEST_CASE("kv events come as an array or as one map") {
  CHECK(events_of(json::array({removed_json(), removed_json()})).size() == 2);
  CHECK(events_of(removed_json()).size() == 1);
  CHECK(events_of(json::array()).empty());
}

TEST_CASE("decode_kv_events fills in what may be missing") {
  json sparse = removed_json();
  sparse.erase("storage_tier");
  sparse["event"].erase("dp_rank");
  const kv_events events = events_of(sparse);
  CHECK(events[0].tier == storage_tier::device);
  CHECK_FALSE(events[0].domain);
  CHECK(events[0].event.dp_rank == 0);
  CHECK(events[0].state_source.empty());
  CHECK_FALSE(events[0].session_id);

  const json block = {{"block_hash", 1}, {"tokens_hash", 2}};
  const kv_events stored =
      events_of(with(removed_json(), "/event/data",
                     {{"stored", {{"blocks", json::array({block})}}}}));
  const auto& change = std::get<kv_stored>(stored[0].event.data);
  CHECK_FALSE(change.parent_hash);
  CHECK_FALSE(change.start_position);
  CHECK(change.blocks == std::vector<kv_block>{{1, 2, {}}});
}

TEST_CASE("decode_kv_events passes over unknown keys anywhere") {
  json rich = with(removed_json(), "/zebra", {{"a", {1, nullptr, "x"}}});
  rich["event"]["aardvark"] = -1.5;
  rich["event"]["data"]["removed"]["more"] = json::binary({1, 2});
  CHECK(events_of(rich) == events_of(removed_json()));
}

TEST_CASE("decode_kv_events takes wide integers") {
  const byte_buffer wide = bytes_from_hex(
      "82a9776f726b65725f6964cf0000000000000007a56576656e7482a86576656e745f"
      "6964d30000000000000001a464617461a7636c6561726564");
  kv_events events;
  REQUIRE(decode_kv_events(wide, unreadable_policy::fail, events));
  CHECK(events[0].worker_id == 7);
  CHECK(events[0].event.event_id == 1);
}

TEST_CASE("decode_kv_events takes structs as positional arrays") {
  const json block = json::array({101, 102});
  const json stored =
      json::array({nullptr, 3, json::array({block, {103, 104, nullptr}})});
  const json positional = json::array(
      {7, "disk", "worker", json::array({9, {{"stored", stored}}, 4})});
  const kv_events events = events_of(json::array({positional}));
  CHECK(events[0].worker_id == 7);
  CHECK(events[0].tier == storage_tier::disk);
  CHECK(events[0].domain == residency_domain::worker);
  CHECK(events[0].event.event_id == 9);
  CHECK(events[0].event.dp_rank == 4);
  const auto& change = std::get<kv_stored>(events[0].event.data);
  CHECK(change.start_position == 3);
  CHECK(change.blocks == std::vector<kv_block>{{101, 102, {}}, {103, 104, {}}});
}

TEST_CASE("decode_kv_events never takes a wrong domain for an absent one") {
  const auto domain = [](json value) {
    return events_of(with(removed_json(), "/residency_domain", value))[0]
        .domain;
  };
  CHECK(domain("worker") == residency_domain::worker);
  CHECK(domain("cache_owner") == residency_domain::cache_owner);
  CHECK(domain("planet") == residency_domain::unsupported);
  CHECK(domain(nullptr) == residency_domain::invalid);
  CHECK(domain({{"worker", 1}}) == residency_domain::invalid);
  CHECK(domain(1) == residency_domain::invalid);
}

TEST_CASE("a domain that must not be applied survives a round trip") {
  for (const auto domain :
       {residency_domain::unsupported, residency_domain::invalid}) {
    router_event sent;
    sent.event.data = kv_cleared{};
    sent.domain = domain;
    byte_buffer bytes;
    encode_kv_events({&sent, 1}, payload_generation::v1_4, bytes);
    kv_events events;
    REQUIRE(decode_kv_events(bytes, unreadable_policy::fail, events));
    CHECK(events == kv_events{sent});
  }
}

TEST_CASE("decode_kv_events refuses what Dynamo refuses") {
  const auto code = [](const std::string& pointer, json value) {
    return refused(with(removed_json(), pointer, std::move(value))).code;
  };
  const std::string hash = "/event/data/removed/block_hashes/0";
  CHECK(code("/storage_tier", "moon") == errc::unsupported);
  CHECK(code("/storage_tier", nullptr) == errc::malformed);
  CHECK(code("/worker_id", -1) == errc::malformed);
  CHECK(code("/worker_id", nullptr) == errc::malformed);
  CHECK(code("/worker_id", 1.0) == errc::malformed);
  CHECK(code("/event/dp_rank", 4294967296) == errc::too_large);
  CHECK(code(hash, -1) == errc::malformed);
  CHECK(code(hash, json::binary({1, 2, 3, 4, 5, 6, 7, 8})) == errc::malformed);
  CHECK(code("/event/data", "exploded") == errc::unsupported);
  CHECK(code("/event/data", "stored") == errc::malformed);
  CHECK(code("/event/data", json::object()) == errc::malformed);
  CHECK(code("/event/data", {{"cleared", 1}}) == errc::malformed);
  CHECK(code("/state_source", "text") == errc::malformed);
  CHECK(code("/session_id", 1) == errc::malformed);
}

TEST_CASE("decode_kv_events names the required key that is missing") {
  for (const std::string key : {"worker_id", "event"}) {
    json sparse = removed_json();
    sparse.erase(key);
    CHECK(refused(sparse).message == "kv-events: offset 1: missing key " + key);
  }
  json sparse = removed_json();
  sparse["event"].erase("event_id");
  CHECK(refused(sparse).message.find("missing key event_id") !=
        std::string::npos);
}

TEST_CASE("decode_kv_events refuses a key that comes twice") {
  const byte_buffer twice = bytes_from_hex(
      "83a9776f726b65725f696407a9776f726b65725f696407a56576656e7482a8657665"
      "6e745f696401a464617461a7636c6561726564");
  CHECK(refused(twice).message == "kv-events: offset 12: a key comes twice");
}

TEST_CASE("one bad event fails the whole array unless it may be skipped") {
  const byte_buffer payload = packed(json::array(
      {removed_json(), with(removed_json(), "/storage_tier", "moon"),
       with(removed_json(), "/event/event_id", "x"), 7, removed_json()}));

  kv_events events;
  CHECK_FALSE(decode_kv_events(payload, unreadable_policy::fail, events));

  events.clear();
  const auto skipped =
      decode_kv_events(payload, unreadable_policy::skip, events);
  REQUIRE(skipped);
  CHECK(skipped->count == 3);
  REQUIRE(skipped->first_reason);
  CHECK(skipped->first_reason->code == errc::unsupported);
  CHECK_THAT(skipped->first_reason->message,
             Catch::Matchers::EndsWith("unknown storage tier"));
  CHECK(events.size() == 2);

  skipped_events counted{7, error{errc::io, "of before"}};
  REQUIRE(decode_event(event_kind::kv_events, payload, counted));
  CHECK(counted.count == 3);
}

TEST_CASE("a bad event at any place of an array costs only itself") {
  const json good = removed_json();
  for (const json& bad :
       {json{7}, json(nullptr), json("cleared"), json::object(), json::array(),
        with(good, "/storage_tier", "moon"), with(good, "/worker_id", "x"),
        with(good, "/event", nullptr), with(good, "/event/data", "flooded"),
        with(good, "/event/data/removed/block_hashes", 7)}) {
    for (std::size_t at = 0; at < 5; ++at) {
      INFO(bad << " at " << at);
      json array = json::array();
      for (std::size_t i = 0; i < 5; ++i) {
        array.push_back(i == at ? bad : with(good, "/event/event_id", i));
      }
      kv_events events;
      const auto skipped =
          decode_kv_events(packed(array), unreadable_policy::skip, events);
      REQUIRE(skipped);
      CHECK(skipped->count == 1);
      CHECK(skipped->first_reason);
      REQUIRE(events.size() == 4);
      for (std::size_t i = 0; i < 4; ++i) {
        CHECK(events[i].event.event_id == (i < at ? i : i + 1));
      }
    }
  }
}

TEST_CASE("an array that ends early keeps the events before its end") {
  const byte_buffer whole =
      packed(json::array({removed_json(), removed_json(), removed_json()}));
  const std::size_t event_size = (whole.size() - 1) / 3;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO("cut to " << size);
    const byte_view cut{whole.data(), size};
    kv_events events;
    const auto skipped = decode_kv_events(cut, unreadable_policy::skip, events);
    if (size < 1 + event_size) {
      REQUIRE_FALSE(skipped);
      CHECK(skipped.error().code == errc::truncated);
      continue;
    }
    REQUIRE(skipped);
    CHECK(skipped->count == 1);
    CHECK(skipped->first_reason->code == errc::truncated);
    CHECK(events.size() == (size - 1) / event_size);
  }
}

TEST_CASE("what no msgpack is ends the array there and counts as one") {
  // [cleared event of worker 7, a byte that msgpack never uses, nil]
  const byte_buffer broken = bytes_from_hex(
      "9382a9776f726b65725f696407a56576656e7482a86576656e745f696401a464617461"
      "a7636c6561726564c1c0");
  kv_events events;
  const auto skipped =
      decode_kv_events(broken, unreadable_policy::skip, events);
  REQUIRE(skipped);
  CHECK(skipped->count == 1);
  CHECK(skipped->first_reason->code == errc::malformed);
  REQUIRE(events.size() == 1);
  CHECK(events[0].worker_id == 7);
  CHECK(std::holds_alternative<kv_cleared>(events[0].event.data));
}

TEST_CASE("a payload without a single good event is refused") {
  for (const json& payload :
       {json::array({7, 8}), json{7}, json::array({json::object()})}) {
    INFO(payload);
    kv_events events;
    CHECK_FALSE(
        decode_kv_events(packed(payload), unreadable_policy::skip, events));
    CHECK(events.empty());
  }
  kv_events events;
  const auto nothing =
      decode_kv_events(packed(json::array()), unreadable_policy::skip, events);
  REQUIRE(nothing);
  CHECK(nothing->count == 0);
}

TEST_CASE("generation 1.3 writes nothing that 1.3 did not know") {
  router_event sent;
  sent.event.data = kv_cleared{};
  sent.domain = residency_domain::worker;
  sent.session_id = "s";
  byte_buffer bytes;
  encode_kv_events({&sent, 1}, payload_generation::v1_3, bytes);
  const json written = json::from_msgpack(bytes);
  CHECK(written.size() == 3);
  CHECK_FALSE(written.contains("residency_domain"));
}

TEST_CASE("200 events become messages of 128 and 72") {
  CHECK(sizes_of(split_kv_events(kv_events(200, stored_event(1)),
                                 payload_generation::v1_4)) == sizes{128, 72});
}

TEST_CASE("an event beyond the block limit goes alone") {
  kv_events events = {stored_event(1), stored_event(9000), stored_event(0),
                      stored_event(1)};
  CHECK(sizes_of(split_kv_events(std::move(events),
                                 payload_generation::v1_4)) == sizes{1, 1, 2});
}

TEST_CASE("a message is filled up to the block limit and not beyond") {
  kv_events events = {stored_event(8000), stored_event(192), stored_event(0),
                      stored_event(1)};
  CHECK(sizes_of(split_kv_events(std::move(events),
                                 payload_generation::v1_4)) == sizes{3, 1});
}

TEST_CASE("generation 1.3 sends one kv event a message") {
  CHECK(sizes_of(split_kv_events(kv_events(3, stored_event(1)),
                                 payload_generation::v1_3)) == sizes{1, 1, 1});
}

TEST_CASE("split_kv_events keeps the order and moves the blocks") {
  kv_events events(130, stored_event(1));
  for (std::size_t i = 0; i < events.size(); ++i) {
    events[i].event.event_id = i;
  }
  const auto* blocks =
      std::get<kv_stored>(events[129].event.data).blocks.data();
  const auto messages =
      split_kv_events(std::move(events), payload_generation::v1_4);
  REQUIRE(sizes_of(messages) == sizes{128, 2});
  CHECK(messages[0][127].event.event_id == 127);
  CHECK(messages[1][1].event.event_id == 129);
  CHECK(std::get<kv_stored>(messages[1][1].event.data).blocks.data() == blocks);
}

TEST_CASE("split_kv_events makes no message of no events") {
  CHECK(split_kv_events({}, payload_generation::v1_4).empty());
  CHECK(kv_events_in_message({}, payload_generation::v1_4) == 0);
}
