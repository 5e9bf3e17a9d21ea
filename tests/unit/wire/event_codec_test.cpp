#include "dynamo/wire/event_codec.hpp"
#include "dynamo/wire/msgpack.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"
#include "unit/wire/event_json.hpp"
#include "unit/wire/golden.hpp"
#include "unit/wire/random_event.hpp"

using namespace dynamo;
using nlohmann::json;

namespace {

byte_buffer encoded(const event& value, payload_generation generation) {
  byte_buffer bytes;
  encode_event(value, generation, bytes);
  return bytes;
}

/// Which of our generations writes what the peer wrote.
payload_generation generation_of(std::string_view topic,
                                 const byte_buffer& payload) {
  const msgpack_type type = msgpack_reader{payload}.peek();
  if (topic == topics::kv_events && type == msgpack_type::map) {
    return payload_generation::v1_3;
  }
  if (topic == topics::active_sequences &&
      !json::from_msgpack(payload).contains("events")) {
    return payload_generation::v1_4_nats;
  }
  return payload_generation::v1_4;
}

/// Rows of payloads.json that we read but write in a newer form.
bool is_written_otherwise(const std::string& name) {
  return name == "stored, single map, no start_position" ||
         name == "stored, single map, no storage_tier" ||
         name == "load from a scheduler, with its scope";
}

byte_buffer payload_of(const json& message) {
  const bool zmq = message["transport"] == "zmq";
  byte_buffer envelope =
      golden_bytes(zmq ? message["parts_hex"][3] : message["body_hex"]);
  if (zmq) {
    envelope.erase(envelope.begin(), envelope.begin() + 5);
  }
  const json decoded = json::from_msgpack(envelope);
  const auto& payload = decoded["payload"].get_binary();
  return {payload.begin(), payload.end()};
}

payload_generation generation_of_peer(const json& message) {
  if (message["dynamo"] == "1.3.1") {
    return payload_generation::v1_3;
  }
  return message["transport"] == "nats" ? payload_generation::v1_4_nats
                                        : payload_generation::v1_4;
}

json json_of_event(const event& value) {
  const auto of_list = [](const auto& list) {
    json array = json::array();
    for (const auto& one : list) {
      array.push_back(json_of(one));
    }
    return array;
  };
  if (const auto* kv = std::get_if<kv_events>(&value)) {
    return of_list(*kv);
  }
  if (const auto* sequences = std::get_if<active_sequence_events>(&value)) {
    return {{"events", of_list(*sequences)}};
  }
  if (const auto* load = std::get_if<active_load>(&value)) {
    return json_of(*load);
  }
  if (const auto* update = std::get_if<session_affinity_update>(&value)) {
    return json_of(*update);
  }
  if (const auto* state = std::get_if<sequence_state>(&value)) {
    return json_of(*state);
  }
  return json_of(*std::get<boxed<forward_pass_metrics>>(value));
}

/// The offsets of all heads of arrays, maps and texts in a value.
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

/// The head of the same type that announces all that 32 bits can.
byte_buffer lie_like(std::uint8_t head) {
  if ((head & 0xf0) == 0x90 || head == 0xdc || head == 0xdd) {
    return {0xdd, 0xff, 0xff, 0xff, 0xff};
  }
  if ((head & 0xf0) == 0x80 || head == 0xde || head == 0xdf) {
    return {0xdf, 0xff, 0xff, 0xff, 0xff};
  }
  return {0xdb, 0xff, 0xff, 0xff, 0xff};
}

std::vector<event> random_events(std::uint64_t seed) {
  random_event random{seed};
  return {random.kv(6),      random.sequences(6), random.load(),
          random.affinity(), random.pass(),       random.state(4)};
}

/// Truncated payloads are not read, or what is missing counts as one event.
bool is_refused_or_cut(const result<event>& read,
                       const skipped_events& skipped) {
  return read ? skipped.count == 1 : skipped.count == 0;
}

event_kind kind_of(const event& value) {
  static constexpr event_kind kinds[] = {event_kind::kv_events,
                                         event_kind::active_load,
                                         event_kind::active_sequences,
                                         event_kind::session_affinity,
                                         event_kind::forward_pass,
                                         event_kind::sequence_state,
                                         event_kind::raw};
  return kinds[value.index()];
}

} // namespace

TEST_CASE("decode_event reads every golden payload") {
  for (const json& row : golden("payloads.json")) {
    const byte_buffer payload = golden_bytes(row["hex"]);
    const auto topic = row["topic"].get<std::string>();
    INFO(row["name"]);
    const auto decoded = decode_event(event_kind_of(topic), payload);
    INFO((decoded ? "" : decoded.error().message));
    REQUIRE(decoded);
    if (!is_written_otherwise(row["name"])) {
      CHECK(encoded(*decoded, generation_of(topic, payload)) == payload);
    }
  }
}

TEST_CASE("decode_event means what the golden values mean") {
  for (const json& row : golden("payloads.json")) {
    const auto topic = row["topic"].get<std::string>();
    INFO(row["name"]);
    const auto decoded =
        decode_event(event_kind_of(topic), golden_bytes(row["hex"]));
    REQUIRE(decoded);
    if (std::holds_alternative<raw_event>(*decoded) ||
        is_written_otherwise(row["name"])) {
      continue;
    }
    json said = json_of_event(*decoded);
    if (row["value"].is_object() && said.is_array()) {
      said = said[0];
    } else if (said.contains("events") && !row["value"].contains("events")) {
      said = said["events"][0];
    }
    CHECK(said == row["value"]);
  }
}

TEST_CASE("every captured payload is read and written again byte by byte") {
  std::size_t typed = 0;
  const json captured = golden("captured.json");
  for (const json& message : captured["messages"]) {
    const byte_buffer payload = payload_of(message);
    const auto kind = event_kind_of(message["topic"].get<std::string>());
    INFO(message["dynamo"] << " " << message["what"]);
    const auto decoded = decode_event(kind, payload);
    REQUIRE(decoded);
    CHECK(encoded(*decoded, generation_of_peer(message)) == payload);
    CHECK(json::from_msgpack(payload) == message["payload"]);
    typed += kind == event_kind::raw ? 0 : 1;
  }
  CHECK(typed > 80);
}

TEST_CASE("every truncation of a payload is refused") {
  for (const json& row : golden("payloads.json")) {
    const auto kind = event_kind_of(row["topic"].get<std::string>());
    if (kind == event_kind::raw) {
      continue;
    }
    const byte_buffer payload = golden_bytes(row["hex"]);
    for (std::size_t size = 0; size < payload.size(); ++size) {
      INFO(row["name"] << " cut to " << size);
      CHECK_FALSE(decode_event(kind, first_bytes(payload, size)));
      skipped_events skipped;
      CHECK(is_refused_or_cut(
          decode_event(kind, first_bytes(payload, size), skipped), skipped));
    }
  }
}

TEST_CASE("a lie in any length of a payload is refused") {
  for (const json& row : golden("payloads.json")) {
    const auto kind = event_kind_of(row["topic"].get<std::string>());
    if (kind == event_kind::raw) {
      continue;
    }
    const byte_buffer payload = golden_bytes(row["hex"]);
    std::vector<std::size_t> heads;
    msgpack_reader in{payload};
    find_heads(in, heads);
    REQUIRE(in.ok());
    for (const std::size_t at : heads) {
      byte_buffer lie = first_bytes(payload, at);
      const byte_buffer head = lie_like(payload[at]);
      lie.insert(lie.end(), head.begin(), head.end());
      lie.insert(lie.end(),
                 payload.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                 payload.end());
      INFO(row["name"] << " at " << at);
      CHECK_FALSE(decode_event(kind, lie));
      skipped_events skipped;
      CHECK(is_refused_or_cut(decode_event(kind, lie, skipped), skipped));
    }
  }
}

TEST_CASE("random events come back as they were") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    for (const event& value : random_events(seed)) {
      INFO("seed " << seed << ", alternative " << value.index());
      const byte_buffer bytes = encoded(value, payload_generation::v1_4);
      const auto decoded = decode_event(kind_of(value), bytes);
      REQUIRE(decoded);
      CHECK(*decoded == value);
    }
  }
}

TEST_CASE("nlohmann_json reads what we write of random events") {
  for (std::uint64_t seed = 1000; seed < 1100; ++seed) {
    for (const event& value : random_events(seed)) {
      INFO("seed " << seed << ", alternative " << value.index());
      const byte_buffer bytes = encoded(value, payload_generation::v1_4);
      CHECK(json::from_msgpack(bytes) == json_of_event(value));
    }
  }
}

TEST_CASE("we read what nlohmann_json writes of random events") {
  for (std::uint64_t seed = 2000; seed < 2100; ++seed) {
    for (const event& value : random_events(seed)) {
      INFO("seed " << seed << ", alternative " << value.index());
      const auto bytes = json::to_msgpack(json_of_event(value));
      const auto decoded = decode_event(kind_of(value), bytes);
      REQUIRE(decoded);
      CHECK(*decoded == value);
    }
  }
}

TEST_CASE("random damage never does worse than an error") {
  random_event random{42};
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    for (const event& value : random_events(seed)) {
      byte_buffer bytes = encoded(value, payload_generation::v1_4);
      for (int flips = 0; flips < 4; ++flips) {
        bytes[random.below(bytes.size())] =
            static_cast<std::uint8_t>(random.below(256));
        skipped_events skipped;
        const auto decoded = decode_event(kind_of(value), bytes, skipped);
        CHECK((decoded || !decoded.error().message.empty()));
        CHECK((skipped.count > 0) == skipped.first_reason.has_value());
      }
    }
  }
}

TEST_CASE("random events with bad ones among them lose only the bad ones") {
  const std::vector<json> bad{7, nullptr, "x", json::object(), json::array()};
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    random_event random{seed};
    const event sent = random.kv(6);
    json array = json_of_event(sent);
    std::size_t inserted = 0;
    for (std::size_t left = random.below(4); left > 0; --left) {
      const auto at =
          static_cast<std::ptrdiff_t>(random.below(array.size() + 1));
      array.insert(array.begin() + at, bad[random.below(bad.size())]);
      ++inserted;
    }
    skipped_events skipped;
    const auto decoded =
        decode_event(event_kind::kv_events, json::to_msgpack(array), skipped);
    if (std::get<kv_events>(sent).empty()) {
      CHECK(static_cast<bool>(decoded) == (inserted == 0));
      continue;
    }
    REQUIRE(decoded);
    CHECK(*decoded == sent);
    CHECK(skipped.count == inserted);
  }
}

TEST_CASE("encode_event appends to what the buffer holds") {
  byte_buffer bytes = {1, 2, 3};
  encode_event(raw_event{{4, 5}}, payload_generation::v1_4, bytes);
  CHECK(bytes == byte_buffer{1, 2, 3, 4, 5});
}

TEST_CASE("decode_event ignores bytes behind the value") {
  byte_buffer bytes = encoded(active_load{}, payload_generation::v1_4);
  bytes.push_back(0xc1);
  const auto decoded = decode_event(event_kind::active_load, bytes);
  REQUIRE(decoded);
  CHECK(*decoded == event{active_load{}});
}

TEST_CASE("decode_event carries the payload of an unknown topic untouched") {
  const byte_buffer payload = {0xc1, 0x00};
  const auto decoded =
      decode_event(event_kind_of("agent-tool-events"), payload);
  REQUIRE(decoded);
  CHECK(*decoded == event{raw_event{payload}});
}
