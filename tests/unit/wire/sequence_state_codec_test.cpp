#include "dynamo/wire/event_codec.hpp"
#include "dynamo/wire/msgpack.hpp"

#include <limits>

#include "support/catch.hpp"
#include "unit/wire/event_json.hpp"
#include "unit/wire/golden.hpp"
#include "unit/wire/random_event.hpp"

using namespace dynamo;
using nlohmann::json;

namespace {

byte_buffer encoded(const sequence_state& state) {
  byte_buffer bytes;
  encode_sequence_state(state, bytes);
  return bytes;
}

result<sequence_state> state_of(const json& said) {
  return decode_sequence_state(json::to_msgpack(said));
}

json golden_value(const std::string& name) {
  const json rows = golden("sequence_states.json");
  for (const json& row : rows) {
    if (row["name"] == name) {
      return row["value"];
    }
  }
  FAIL("no row " << name);
  return {};
}

/// A snapshot, to be spoilt.
json snapshot_json() {
  return golden_value("snapshot in one part");
}

/// The offsets of the heads of all arrays, maps and texts in a value.
void find_heads(msgpack_reader& in, std::vector<std::size_t>& out) {
  const msgpack_type type = in.peek();
  if (type == msgpack_type::array || type == msgpack_type::map) {
    out.push_back(in.offset());
    const bool is_map = type == msgpack_type::map;
    std::size_t left =
        is_map ? 2 * in.read_map_header() : in.read_array_header();
    for (; left > 0; --left) {
      find_heads(in, out);
    }
    return;
  }
  if (type == msgpack_type::string) {
    out.push_back(in.offset());
  }
  in.skip();
}

std::uint8_t lie_like(std::uint8_t head) {
  if ((head & 0xf0) == 0x90) {
    return 0xdd;
  }
  return (head & 0xf0) == 0x80 ? 0xdf : 0xdb;
}

} // namespace

TEST_CASE("sequence states have their golden bytes") {
  for (const json& row : golden("sequence_states.json")) {
    INFO(row["name"]);
    const byte_buffer payload = golden_bytes(row["hex"]);
    const auto state = decode_sequence_state(payload);
    REQUIRE(state);
    CHECK(json_of(*state) == row["value"]);
    CHECK(to_hex(encoded(*state)) == row["hex"].get<std::string>());
  }
}

TEST_CASE("a sequence state is what its topic carries") {
  CHECK(event_kind_of(topics::sequence_state) == event_kind::sequence_state);
  const sequence_state said{99, sequence_wanted{7}};
  byte_buffer bytes;
  encode_event(event{said}, payload_generation::v1_4, bytes);
  CHECK(bytes == encoded(said));
  const auto back = decode_event(event_kind::sequence_state, bytes);
  REQUIRE(back);
  CHECK(*back == event{said});
}

TEST_CASE("random sequence states come back as they were") {
  random_event random{5};
  for (int i = 0; i < 500; ++i) {
    const sequence_state said = random.state(5);
    const auto back = decode_sequence_state(encoded(said));
    REQUIRE(back);
    CHECK(*back == said);
    const auto of_json = state_of(json_of(said));
    REQUIRE(of_json);
    CHECK(*of_json == said);
  }
}

TEST_CASE("every truncation of a sequence state is refused") {
  for (const json& row : golden("sequence_states.json")) {
    const byte_buffer payload = golden_bytes(row["hex"]);
    for (std::size_t size = 0; size < payload.size(); ++size) {
      INFO(row["name"] << " cut to " << size);
      CHECK_FALSE(decode_sequence_state(first_bytes(payload, size)));
    }
  }
}

TEST_CASE("a lie in any length of a sequence state is refused") {
  for (const json& row : golden("sequence_states.json")) {
    const byte_buffer payload = golden_bytes(row["hex"]);
    std::vector<std::size_t> heads;
    msgpack_reader in{payload};
    find_heads(in, heads);
    REQUIRE(in.ok());
    for (const std::size_t at : heads) {
      byte_buffer lie = first_bytes(payload, at);
      lie.insert(lie.end(), {lie_like(payload[at]), 0xff, 0xff, 0xff, 0xff});
      lie.insert(lie.end(),
                 payload.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                 payload.end());
      INFO(row["name"] << " at " << at);
      CHECK_FALSE(decode_sequence_state(lie));
    }
  }
}

TEST_CASE("unknown keys of a sequence state are passed over") {
  json said = snapshot_json();
  said["since"] = {1, 2, {{"x", nullptr}}};
  said["data"]["Snapshot"]["more"] = "text";
  said["data"]["Snapshot"]["requests"][0]["also"] = 7;
  const auto state = state_of(said);
  REQUIRE(state);
  CHECK(json_of(*state) == snapshot_json());
}

TEST_CASE("a key of a sequence state must be there, and once") {
  for (const std::string key : {"number", "part", "parts", "requests"}) {
    json said = snapshot_json();
    said["data"]["Snapshot"].erase(key);
    INFO(key);
    CHECK_FALSE(state_of(said));
  }
  for (const std::string key : {"added", "prefill_completed", "age_ms"}) {
    json said = snapshot_json();
    said["data"]["Snapshot"]["requests"][0].erase(key);
    INFO(key);
    CHECK_FALSE(state_of(said));
  }
  CHECK_FALSE(state_of({{"router_id", 1}}));
  CHECK_FALSE(state_of({{"data", {{"Wanted", {{"owner", 1}}}}}}));
  CHECK_FALSE(
      state_of({{"router_id", 1}, {"data", {{"Summary", {{"digest", 1}}}}}}));
  // {"router_id": 1, "router_id": 1}
  CHECK_FALSE(decode_sequence_state(
      bytes_from_hex("82a9726f757465725f696401a9726f757465725f696401")));
}

TEST_CASE("a sequence state of an unknown kind is refused") {
  const auto refused =
      state_of({{"router_id", 1}, {"data", {{"Farewell", 1}}}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::unsupported);
}

TEST_CASE("a snapshot's parts are bounded") {
  json said = snapshot_json();
  json& part = said["data"]["Snapshot"];
  part["parts"] = 4097;
  REQUIRE_FALSE(state_of(said));
  CHECK(state_of(said).error().code == errc::too_large);
  part["parts"] = 2;
  part["part"] = 2;
  REQUIRE_FALSE(state_of(said));
  CHECK(state_of(said).error().code == errc::malformed);
  part["parts"] = 0;
  part["part"] = 0;
  CHECK_FALSE(state_of(said));
}

TEST_CASE("the requests of a part are bounded") {
  json said = snapshot_json();
  json& requests = said["data"]["Snapshot"]["requests"];
  const json one = requests[0];
  requests = json::array();
  for (std::size_t i = 0; i < snapshot_requests_per_part_max; ++i) {
    requests.push_back(one);
  }
  CHECK(state_of(said));
  requests.push_back(one);
  REQUIRE_FALSE(state_of(said));
  CHECK(state_of(said).error().code == errc::too_large);
}

TEST_CASE("a tracked request must say how it was added") {
  json said = snapshot_json();
  said["data"]["Snapshot"]["requests"][0]["added"]["data"] = "Free";
  const auto refused = state_of(said);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::malformed);
}

TEST_CASE(
    "an age beyond all measure becomes the longest, a negative one none") {
  json said = snapshot_json();
  said["data"]["Snapshot"]["requests"][0]["age_ms"] =
      std::numeric_limits<std::uint64_t>::max();
  auto state = state_of(said);
  REQUIRE(state);
  auto& part = std::get<sequence_snapshot>(state->data);
  CHECK(part.requests[0].age == std::chrono::milliseconds::max());
  part.requests[0].age = std::chrono::milliseconds{-5};
  const json written = json::from_msgpack(encoded(*state));
  CHECK(written["data"]["Snapshot"]["requests"][0]["age_ms"] == 0);
}
