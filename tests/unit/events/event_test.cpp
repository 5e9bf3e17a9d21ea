#include "dynamo/events/event.hpp"

#include "support/catch.hpp"

using namespace dynamo;

namespace {

router_event stored(std::size_t blocks) {
  router_event event;
  event.event.data = kv_stored{
      .parent_hash = std::nullopt,
      .start_position = std::nullopt,
      .blocks = std::vector<kv_block>(blocks),
  };
  return event;
}

} // namespace

TEST_CASE("storage_tier_from undoes to_string and knows nothing else") {
  for (const auto tier : {storage_tier::device, storage_tier::host_pinned,
                          storage_tier::disk, storage_tier::external}) {
    CHECK(storage_tier_from(to_string(tier)) == tier);
  }
  CHECK_FALSE(storage_tier_from("Device"));
  CHECK_FALSE(storage_tier_from(""));
}

TEST_CASE("to_string names every residency domain") {
  CHECK(to_string(residency_domain::worker) == "worker");
  CHECK(to_string(residency_domain::cache_owner) == "cache_owner");
  CHECK(to_string(residency_domain::unsupported) == "unsupported");
  CHECK(to_string(residency_domain::invalid) == "invalid");
}

TEST_CASE("block_count counts stored and removed blocks") {
  CHECK(block_count(stored(3)) == 3);

  router_event removed;
  removed.event.data = kv_removed{{1, 2}};
  CHECK(block_count(removed) == 2);

  router_event cleared;
  cleared.event.data = kv_cleared{};
  CHECK(block_count(cleared) == 0);
}

TEST_CASE("size_bytes is never 0") {
  CHECK(size_bytes(event{kv_events{}}) > 0);
  CHECK(size_bytes(event{active_load{}}) > 0);
  CHECK(size_bytes(event{forward_pass_metrics{}}) > 0);
}

TEST_CASE("size_bytes grows with what an event carries") {
  CHECK(size_bytes(event{kv_events{stored(100)}}) >=
        size_bytes(event{kv_events{stored(0)}}) + 100 * sizeof(kv_block));
  CHECK(size_bytes(event{raw_event{byte_buffer(1000, 0)}}) >=
        size_bytes(event{raw_event{}}) + 1000);

  active_sequence_event added;
  added.data = add_request{.token_sequence = std::vector<std::uint64_t>(100),
                           .expected_output_tokens = std::nullopt,
                           .prefill_hint = std::nullopt};
  CHECK(size_bytes(event{active_sequence_events{added}}) >=
        size_bytes(event{active_sequence_events{}}) + 800);

  sequence_snapshot part;
  part.requests.push_back({added, false, {}});
  CHECK(size_bytes(event{sequence_state{1, part}}) >=
        size_bytes(event{sequence_state{}}) + 800);
}
