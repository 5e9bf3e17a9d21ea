#include "dynamo/router/booking.hpp"

#include <chrono>
#include <set>

#include "support/catch.hpp"

using dynamo::booking;
using namespace std::chrono_literals;

namespace {

booking request(std::vector<std::uint64_t> sequence) {
  booking made;
  made.request_id = "request-1";
  made.rank = {7, 0};
  made.router_id = 1;
  made.sequence = std::move(sequence);
  made.prefill_tokens = 60;
  made.expected_output_tokens = 10;
  return made;
}

} // namespace

TEST_CASE("a fingerprint tells apart all that makes load") {
  const auto base = request({1, 2});
  std::set<std::uint64_t> seen{fingerprint(base)};
  std::vector<booking> others(8, base);
  others[0].request_id = "request-2";
  others[1].rank = {7, 1};
  others[2].sequence = {1, 3};
  others[3].sequence = {2};
  others[4].sequence.reset();
  others[5].prefill_tokens = 61;
  others[6].expected_prefill_duration = 1s;
  others[7].expected_output_tokens = 11;
  for (const booking& each : others)
    seen.insert(fingerprint(each));
  CHECK(seen.size() == 9);
}

TEST_CASE("the fingerprint is the same in every process") {
  CHECK(fingerprint(request({1, 2})) == fingerprint(request({9, 2})));
  CHECK(dynamo::text_hash("") == 0);
  CHECK(dynamo::text_hash("request-1") == 0x21c73524da078302U);
}

TEST_CASE("a booking comes back from its event as it was") {
  auto one = request({1, 2});
  one.expected_prefill_duration = 5ms;
  one.lora_name = "adapter";
  const auto event = added_event(one);
  const auto back =
      booking_of(event, std::get<dynamo::add_request>(event.data));
  CHECK(fingerprint(back) == fingerprint(one));
  CHECK(back.lora_name == one.lora_name);
  CHECK(back.router_id == 1);
}

TEST_CASE("a prefill that is not tracked has no tokens") {
  dynamo::add_request added;
  added.track_prefill_tokens = false;
  added.prefill_hint = dynamo::prefill_load_hint{60, 1s};
  const booking made = booking_of({}, added);
  CHECK(made.prefill_tokens == 0);
  CHECK_FALSE(made.expected_prefill_duration);
  CHECK_FALSE(made.sequence);
}
