#include "dynamo/wire/event_codec.hpp"

#include <string>

#include "support/catch.hpp"
#include "unit/wire/golden.hpp"

using namespace dynamo;
using nlohmann::json;

namespace {

template <class Value, class Encode, class Decode>
void check_round_trip(const Value& value, Encode encode, Decode decode) {
  byte_buffer bytes;
  encode(value, bytes);
  const auto decoded = decode(bytes);
  REQUIRE(decoded);
  CHECK(*decoded == value);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_FALSE(decode(first_bytes(bytes, size)));
  }
}

} // namespace

TEST_CASE("a prefill event is written as Dynamo wrote it") {
  const prefill_event sent{"req-1", 7, prefill_event::new_prefill{512}, 99};
  byte_buffer bytes;
  encode_prefill_event(sent, bytes);
  CHECK(to_hex(bytes) ==
        "84aa726571756573745f6964a57265712d31a9776f726b65725f696407a464617461"
        "81aa4e657750726566696c6ccd0200a9726f757465725f696463");
}

TEST_CASE("prefill events come back as they were") {
  const auto check = [](const prefill_event& sent) {
    check_round_trip(sent, encode_prefill_event, decode_prefill_event);
  };
  check({"r", 1, prefill_event::new_prefill{512}, 2});
  check({"r", 1, prefill_event::update_prefill{0}, 2});
  check({"r", 1, prefill_event::complete_prefill{}, 2});
}

TEST_CASE("active block events come back as they were") {
  const auto check = [](const active_block_event& sent) {
    check_round_trip(sent, encode_active_block_event,
                     decode_active_block_event);
  };
  check({"r", active_block_event::new_block{{1, 2, 300}}});
  check({"r", active_block_event::free_block{}});
}

TEST_CASE("a rank's changes come back as they were") {
  kv_cache_events sent;
  sent.events.push_back({1, kv_stored{5, {}, {{6, 7, {}}}}, 0});
  sent.events.push_back({2, kv_removed{{6}}, 0});
  sent.events.push_back({3, kv_cleared{}, 1});
  sent.shutdown = true;
  check_round_trip(sent, encode_kv_cache_events, decode_kv_cache_events);
}

TEST_CASE("an unknown variant of an older payload is unsupported") {
  const auto refused = decode_active_block_event(
      json::to_msgpack({{"request_id", "r"}, {"data", "Melt"}}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::unsupported);
}
