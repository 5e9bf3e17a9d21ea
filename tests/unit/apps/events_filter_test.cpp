#include "apps/events/event_filter.hpp"
#include "apps/events/event_text.hpp"

#include "support/catch.hpp"

using namespace dynamo;
using namespace dynamo::apps;

namespace {

router_event change(std::uint64_t worker_id, std::uint32_t dp_rank,
                    decltype(kv_cache_event::data) data) {
  router_event out;
  out.worker_id = worker_id;
  out.event = {1, std::move(data), dp_rank};
  return out;
}

const kv_events changes{
    change(7, 0, kv_stored{0x1f, {}, {{0xaa, 1, {}}, {0xbb, 2, {}}}}),
    change(7, 1, kv_removed{{1, 2, 3}}), change(8, 0, kv_cleared{})};

std::size_t passing(const event_filter& filter) {
  const auto kept = matching(filter, changes);
  return kept ? std::get<kv_events>(*kept).size() : 0;
}

} // namespace

TEST_CASE("a filter keeps the events that match") {
  event_filter filter;
  CHECK(passing(filter) == 3);
  filter.worker_id = 7;
  CHECK(passing(filter) == 2);
  filter.dp_rank = 1;
  CHECK(passing(filter) == 1);
  filter.kind = kv_change::stored;
  CHECK(passing(filter) == 0);
}

TEST_CASE("a filter by kind lets no other topic pass") {
  event_filter filter;
  filter.kind = kv_change::cleared;
  CHECK(passing(filter) == 1);
  CHECK_FALSE(matching(filter, active_load{}));
  CHECK_FALSE(matching(filter, raw_event{}));
}

TEST_CASE("a filter by worker knows the id of every topic") {
  event_filter filter;
  filter.worker_id = 7;
  active_load load;
  load.worker_id = 7;
  CHECK(matching(filter, load));
  forward_pass_metrics pass;
  pass.worker_id = "7";
  CHECK(matching(filter, pass));
  pass.worker_id = "8";
  CHECK_FALSE(matching(filter, pass));
  CHECK_FALSE(matching(filter, raw_event{}));
  CHECK_FALSE(matching(filter, sequence_state{}));
}

TEST_CASE("events are told in one line each") {
  CHECK(lines_of(changes) ==
        std::vector<std::string>{
            "stored 2 blocks below 1f, from aa (worker 7/0, device, event 1)",
            "removed 3 blocks: 1 2 .. (worker 7/1, device, event 1)",
            "cleared (worker 8/0, device, event 1)"});
  active_load load;
  load.worker_id = 7;
  load.kv_used_blocks = 300;
  CHECK(lines_of(load) ==
        std::vector<std::string>{"load: 300 blocks used (worker 7/0)"});
}

TEST_CASE("what a router says of its requests is told in one line") {
  const auto line_of = [](decltype(sequence_state::data) said) {
    return lines_of(sequence_state{0x99, std::move(said)}).at(0);
  };
  CHECK(line_of(sequence_summary{2, 0xab}) ==
        "router 99 has 2 requests, digest ab");
  CHECK(line_of(sequence_wanted{0x98}) ==
        "router 99 wants a snapshot of router 98");
  CHECK(line_of(sequence_snapshot{7, 0, 2, std::vector<tracked_request>(1)}) ==
        "router 99 has, by snapshot 7, part 1 of 2, 1 request");
}
