#include "dynamo/wire/event_codec.hpp"

#include "support/catch.hpp"
#include "unit/wire/golden.hpp"

using namespace dynamo;
using nlohmann::json;

TEST_CASE("every field of forward pass metrics is zero when it is missing") {
  const auto pass = decode_forward_pass(json::to_msgpack(json::object()));
  REQUIRE(pass);
  forward_pass_metrics zero;
  zero.version = 0;
  CHECK(*pass == zero);

  const auto nested = decode_forward_pass(
      json::to_msgpack({{"version", 1},
                        {"scheduled_requests", json::object()},
                        {"queued_requests", {{"num_decode_requests", 3}}}}));
  REQUIRE(nested);
  CHECK(nested->version == 1);
  CHECK(nested->queued.num_decode_requests == 3);
  CHECK(nested->queued.num_prefill_requests == 0);
}

TEST_CASE("forward pass metrics take an integer for a float") {
  const auto pass = decode_forward_pass(json::to_msgpack({{"wall_time", 2}}));
  REQUIRE(pass);
  CHECK(pass->wall_time == 2.0);
}

TEST_CASE("forward pass metrics of a wrong type are refused") {
  CHECK_FALSE(decode_forward_pass(json::to_msgpack({{"worker_id", 7}})));
  CHECK_FALSE(decode_forward_pass(json::to_msgpack({{"counter_id", -1}})));
  CHECK_FALSE(
      decode_forward_pass(json::to_msgpack({{"queued_requests", nullptr}})));
}
