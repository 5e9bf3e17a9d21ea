#include "dynamo/wire/event_codec.hpp"

#include "support/catch.hpp"
#include "unit/wire/golden.hpp"

using namespace dynamo;
using nlohmann::json;

TEST_CASE("a load needs no more than the worker") {
  const auto load = decode_active_load(json::to_msgpack({{"worker_id", 7}}));
  REQUIRE(load);
  CHECK(*load == active_load{7, 0, {}, {}, {}});
  CHECK_FALSE(decode_active_load(json::to_msgpack(json::object())));
}

TEST_CASE("the scope of a scheduler's load is passed over") {
  const auto load =
      decode_active_load(json::to_msgpack({{"worker_id", 7},
                                           {"dp_rank", 1},
                                           {"active_decode_blocks", 2},
                                           {"active_prefill_tokens", 3},
                                           {"scheduler_load_scope", "local"},
                                           {"kv_used_blocks", 4}}));
  REQUIRE(load);
  CHECK(*load == active_load{7, 1, 2, 3, 4});
}

TEST_CASE("a load of a wrong type is refused") {
  CHECK_FALSE(decode_active_load(
      json::to_msgpack({{"worker_id", 7}, {"kv_used_blocks", "many"}})));
}
