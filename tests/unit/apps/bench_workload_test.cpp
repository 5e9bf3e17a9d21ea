#include "apps/bench/comparison.hpp"
#include "apps/bench/percentiles.hpp"
#include "apps/bench/roles/kv_workload.hpp"
#include "apps/bench/roles/measured_index.hpp"
#include "apps/bench/roles/raw_envelope.hpp"
#include "apps/bench/roles/stamp.hpp"
#include "apps/bench/roles/trace_workload.hpp"
#include "dynamo/wire/envelope_codec.hpp"

#include "support/catch.hpp"

using namespace dynamo;
using namespace dynamo::apps;

namespace {

std::vector<trace_request>
trace_of(const std::vector<std::vector<std::uint64_t>>& requests) {
  std::vector<trace_request> trace;
  for (const auto& ids : requests) {
    trace.push_back({});
    trace.back().block_ids = ids;
  }
  return trace;
}

} // namespace

TEST_CASE("a workload stores what is new and removes the ends of old chains") {
  trace_workload workload{1, 4};
  const auto requests = workload.play(trace_of({{1, 2, 3}, {1, 2, 4}, {5}}), 0);
  CHECK(workload.mix().looked_up == 7);
  CHECK(workload.mix().stored == 5);
  CHECK(workload.mix().removed == 1);
  REQUIRE(requests.size() == 3);
  const auto& first = std::get<kv_stored>(requests[0].events[0].data);
  const auto& second = std::get<kv_stored>(requests[1].events[0].data);
  CHECK(second.parent_hash == first.blocks[1].block_hash);
  REQUIRE(requests[2].events.size() == 2);
  const auto& gone = std::get<kv_removed>(requests[2].events[0].data);
  CHECK(gone.block_hashes == std::vector{first.blocks[2].block_hash});
  CHECK(workload.pairs() == 4);
}

TEST_CASE("a workload shares nothing between cycles") {
  trace_workload workload{1, 100};
  const auto trace = trace_of({{1, 2}});
  const auto first = workload.play(trace, 0);
  const auto second = workload.play(trace, 1);
  CHECK(first[0].local != second[0].local);
  CHECK(workload.mix().stored == 4);
}

TEST_CASE("all indexes find what the caches of a workload hold") {
  for (const auto which :
       {index_kind::flat, index_kind::tree, index_kind::map}) {
    for (const bool is_queued : {false, true}) {
      trace_workload workload{2, 4};
      auto index = make_measured_index(which);
      if (is_queued) {
        index = make_queued_index(std::move(index));
      }
      const auto requests = workload.play(
          trace_of({{1, 2, 3}, {1, 2, 4}, {5}, {1, 2, 3}, {6, 7}, {5, 8}}), 0);
      for (const auto& request : requests) {
        for (const auto& event : request.events) {
          index->apply(request.rank, event);
        }
      }
      index->drain();
      for (const auto& request : requests) {
        std::vector<std::pair<std::uint64_t, std::uint32_t>> found;
        for (const auto& row : index->answer(request.local)) {
          found.emplace_back(row.rank.worker_id, row.device);
        }
        CHECK(found == workload.expected(request.local));
      }
    }
  }
}

TEST_CASE("a kv workload names the requests that are whole") {
  kv_workload worker{0, 1, 8};
  CHECK(worker.whole_requests().empty());
  for (int i = 0; i < 8; ++i) {
    worker.next();
  }
  CHECK(worker.whole_requests() == std::vector<std::uint64_t>{0});
  for (int i = 0; i < 63 * 8; ++i) {
    worker.next();
  }
  CHECK(worker.whole_requests().size() == 64);
  // Request 64 is stored, then request 0 goes chunk by chunk.
  for (int i = 0; i < 9; ++i) {
    worker.next();
  }
  CHECK(worker.whole_requests().front() == 1);
  CHECK(worker.whole_requests().back() == 64);
}

TEST_CASE("a raw envelope is one that everybody reads") {
  const byte_buffer payload = stamped_payload(40);
  raw_envelope raw{7, "bench", payload.size(), 5};
  for (std::uint64_t sequence = 0; sequence < 3; ++sequence) {
    const byte_view bytes = raw.next(payload).subspan(5);
    const auto read = decode_envelope(bytes);
    REQUIRE(read);
    CHECK(read->publisher_id == raw.publisher_id());
    CHECK(read->sequence == sequence);
    CHECK(byte_buffer(read->payload.begin(), read->payload.end()) == payload);
    raw_envelope_view quick;
    REQUIRE(open_raw_envelope(bytes, payload.size(), quick));
    CHECK(quick.publisher_id == raw.publisher_id());
    CHECK(quick.sequence == sequence);
  }
}

TEST_CASE("a stamp survives its way") {
  byte_buffer payload = stamped_payload(16);
  store_stamp({stamp::warm_up_bit | 5, 77}, payload);
  const auto read = load_stamp(payload);
  REQUIRE(read);
  CHECK(read->is_warm_up());
  CHECK(read->sent_at_ns == 77);
  CHECK_FALSE(load_stamp(byte_view{payload}.first(15)));
}

TEST_CASE("percentiles are those of the nearest rank") {
  std::vector<std::uint64_t> values{5, 1, 4, 2, 3};
  CHECK(percentile(values, 0.5) == 3);
  CHECK(percentile(values, 0.99) == 5);
  CHECK(percentile(values, 0) == 1);
  CHECK(percentile({}, 0.5) == 0);
}

TEST_CASE("a comparison is pair by pair, and its target is one of the median") {
  comparison one;
  one.which = better::higher;
  one.ours = {10, 30, 20};
  one.baseline = {10, 10, 0};
  CHECK(one.ratios() == std::vector<double>{1, 3});
  CHECK_FALSE(one.is_met());
  one.wanted = target{2, true};
  CHECK(*one.is_met());
  one.wanted = target{21, false};
  CHECK_FALSE(*one.is_met());
  one.which = better::lower;
  CHECK(*one.is_met());
}

TEST_CASE("what must never be is not hidden by a median") {
  comparison lost;
  lost.which = better::lower;
  lost.wanted = never;
  lost.ours = {0, 0, 1};
  CHECK_FALSE(*lost.is_met());
  lost.ours = {0, 0, 0};
  CHECK(*lost.is_met());
  lost.ours = {};
  CHECK_FALSE(*lost.is_met());
}

TEST_CASE("a table keeps to 80 columns") {
  comparison one;
  one.measure = "end-to-end";
  one.what = "zmq, 1024 B";
  one.figure = "received at full speed";
  one.unit = "events";
  one.baseline_name = "dynamo validated";
  one.ours = {123'456.7, 1e9};
  one.baseline = {1e7, 4e9};
  one.wanted = target{0.25, true};
  const std::string table = table_of({one, one});
  std::size_t column = 0;
  for (const char byte : table) {
    column = byte == '\n' ? 0 : column + 1;
    CHECK(column <= 80);
  }
}
