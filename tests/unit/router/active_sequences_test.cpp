#include "dynamo/router/active_sequences.hpp"

#include <chrono>

#include "support/catch.hpp"

using dynamo::active_sequences;
using dynamo::rank_load;
using dynamo::worker_rank;
using namespace std::chrono_literals;

namespace {

const worker_rank rank{7, 0};
const worker_rank other{7, 1};
const dynamo::clock::time_point start{};

dynamo::booking request(std::string id, worker_rank where,
                        std::vector<std::uint64_t> sequence) {
  return {.request_id = std::move(id),
          .rank = where,
          .prompt_tokens = 100,
          .cached_tokens = 40,
          .expected_output_tokens = 10,
          .sequence = std::move(sequence)};
}

} // namespace

TEST_CASE("active_sequences adds up a rank's requests") {
  active_sequences active;
  active.add(request("a", rank, {1, 2, 3}), start);
  active.add(request("b", rank, {1, 2, 4, 5}), start);
  active.add(request("c", other, {9}), start);
  CHECK(active.load(rank) == rank_load{.active_requests = 2,
                                       .active_prefill_tokens = 120,
                                       .active_decode_blocks = 5,
                                       .expected_output_tokens = 20});
}

TEST_CASE("active_sequences knows no load of a rank without requests") {
  active_sequences active;
  CHECK_FALSE(active.load(rank));
  active.add(request("a", rank, {1}), start);
  active.free("a");
  CHECK_FALSE(active.load(rank));
}

TEST_CASE("active_sequences keeps a shared block until its last request ends") {
  active_sequences active;
  active.add(request("a", rank, {1, 2}), start);
  active.add(request("b", rank, {1, 3}), start);
  CHECK(active.free("a"));
  CHECK(active.load(rank)->active_decode_blocks == 2);
  CHECK_FALSE(active.free("a"));
}

TEST_CASE("a completed prefill no longer counts, once") {
  active_sequences active;
  active.add(request("a", rank, {1}), start);
  active.add(request("b", rank, {1}), start);
  CHECK(active.mark_prefill_completed("a"));
  CHECK(active.mark_prefill_completed("a"));
  CHECK(active.load(rank)->active_prefill_tokens == 60);
  active.free("a");
  CHECK(active.load(rank)->active_prefill_tokens == 60);
  CHECK_FALSE(active.mark_prefill_completed("nobody"));
}

TEST_CASE("more cached than prompt tokens leave no prefill") {
  active_sequences active;
  auto one = request("a", rank, {1});
  one.cached_tokens = 1000;
  active.add(one, start);
  CHECK(active.load(rank)->active_prefill_tokens == 0);
}

TEST_CASE("a request booked again moves") {
  active_sequences active;
  active.add(request("a", rank, {1}), start);
  active.add(request("a", other, {2, 3}), start);
  CHECK_FALSE(active.load(rank));
  CHECK(active.load(other)->active_decode_blocks == 2);
  CHECK(active.counts().replaced == 1);
  CHECK(active.size() == 1);
}

TEST_CASE("requests expire at their time to live, the oldest first") {
  active_sequences active;
  active.add(request("a", rank, {1}), start);
  active.add(request("b", rank, {2}), start + 5s);
  CHECK(active.expire(start + 9s, 10s) == 0);
  CHECK(active.expire(start + 10s, 10s) == 1);
  CHECK(active.load(rank)->active_requests == 1);
  CHECK(active.expire(start + 1h, 10s) == 1);
  CHECK(active.counts().expired == 2);
}

TEST_CASE("a rank goes with its requests") {
  active_sequences active;
  active.add(request("a", rank, {1}), start);
  active.add(request("b", other, {1}), start);
  active.remove_rank(rank);
  CHECK_FALSE(active.load(rank));
  CHECK(active.size() == 1);
  CHECK(active.counts().removed == 1);
}

TEST_CASE("additional blocks are those beyond the longest prefix in use") {
  active_sequences active;
  const std::vector<std::uint64_t> prompt{1, 2, 3, 4};
  CHECK(active.additional_blocks(rank, prompt) == 4);
  active.add(request("a", rank, {1, 2, 9}), start);
  CHECK(active.additional_blocks(rank, prompt) == 2);
  active.add(request("b", rank, {1, 2, 3, 4, 5}), start);
  CHECK(active.additional_blocks(rank, prompt) == 0);
  CHECK(active.additional_blocks(rank, {}) == 0);
}

TEST_CASE("the oldest request is evicted beyond the limits, and counted") {
  active_sequences few{{.requests_max = 2, .blocks_max = 100}};
  active_sequences small{{.requests_max = 100, .blocks_max = 4}};
  for (active_sequences* active : {&few, &small}) {
    active->add(request("a", rank, {1, 2}), start);
    active->add(request("b", rank, {1, 3}), start);
    active->add(request("c", rank, {4, 5}), start);
    CHECK(active->counts().evicted == 1);
    CHECK_FALSE(active->free("a"));
    CHECK(active->load(rank)->active_decode_blocks == 4);
  }
}
