#include "dynamo/router/active_sequences.hpp"

#include <chrono>
#include <cmath>
#include <map>
#include <random>

#include "support/catch.hpp"

using dynamo::active_sequences;
using dynamo::rank_load;
using dynamo::worker_rank;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t self = 1;
constexpr std::uint64_t peer = 2;
const worker_rank rank{7, 0};
const worker_rank other{7, 1};
const dynamo::clock::time_point start{1h};

dynamo::booking request(std::string id, worker_rank where,
                        std::vector<std::uint64_t> sequence,
                        std::uint64_t router_id = self) {
  dynamo::booking made;
  made.request_id = std::move(id);
  made.rank = where;
  made.router_id = router_id;
  made.sequence = std::move(sequence);
  made.prefill_tokens = 60;
  made.expected_output_tokens = 10;
  return made;
}

std::uint64_t blocks(const active_sequences& active) {
  return active.load(rank, start)->active_decode_blocks;
}

} // namespace

TEST_CASE("active_sequences adds up a rank's requests") {
  active_sequences active;
  active.add(request("a", rank, {1, 2, 3}), start);
  active.add(request("b", rank, {1, 2, 4, 5}), start);
  active.add(request("c", other, {9}), start);
  CHECK(active.load(rank, start) == rank_load{.active_requests = 2,
                                              .active_prefill_tokens = 120,
                                              .active_decode_blocks = 5,
                                              .expected_output_tokens = 20});
}

TEST_CASE("active_sequences knows no load of a rank without requests") {
  active_sequences active;
  CHECK_FALSE(active.load(rank, start));
  active.add(request("a", rank, {1}), start);
  CHECK(active.free(self, "a", start));
  CHECK_FALSE(active.load(rank, start));
}

// -- Blocks

TEST_CASE("active_sequences keeps a shared block until its last request ends") {
  active_sequences active;
  active.add(request("a", rank, {1, 2}), start);
  active.add(request("b", rank, {1, 3}), start);
  CHECK(active.free(self, "a", start));
  CHECK(blocks(active) == 2);
  CHECK_FALSE(active.free(self, "a", start));
}

TEST_CASE("blocks of a request without a sequence do not count") {
  active_sequences active;
  auto one = request("a", rank, {});
  one.sequence.reset();
  active.add(one, start);
  CHECK(blocks(active) == 0);
  CHECK(active.load(rank, start)->active_requests == 1);
}

TEST_CASE("output blocks count for themselves") {
  active_sequences active;
  active.add(request("a", rank, {1, 2}), start);
  active.add(request("b", rank, {1, 2}), start);
  CHECK(active.add_output_block(self, "a", std::nullopt, start));
  CHECK(active.add_output_block(self, "b", std::nullopt, start));
  CHECK(active.add_output_block(self, "b", std::nullopt, start));
  CHECK(blocks(active) == 5);
  CHECK(active.requests(start).back().output_blocks == 2);
  active.free(self, "b", start);
  CHECK(blocks(active) == 3);
  CHECK_FALSE(active.add_output_block(self, "b", std::nullopt, start));
}

TEST_CASE("a weight is for the suffix of one request and its outputs") {
  active_sequences active;
  active.add(request("a", rank, {1, 2, 3, 4}), start);
  active.add(request("b", rank, {1, 2}), start);
  active.add_output_block(self, "a", 0.5, start);
  active.add_output_block(self, "a", 0.5, start);
  // Shared 1 and 2, half of 3, 4 and two outputs.
  CHECK(blocks(active) == 4);
  // Without the other request the prefix is a's own.
  active.free(self, "b", start);
  CHECK(blocks(active) == 3);
  active.add(request("b", rank, {1, 2, 3}), start);
  // 1, 2, 3, and half of 4 and of two outputs: 4.5.
  CHECK(blocks(active) == 5);
}

TEST_CASE("the sum of prompt and output blocks is rounded, not each") {
  active_sequences active;
  active.add(request("a", rank, {1}), start);
  active.add(request("b", rank, {2}), start);
  active.add_output_block(self, "a", 0.2, start);
  CHECK(blocks(active) == 1);
  active.add_output_block(self, "a", 0.5, start);
  CHECK(blocks(active) == 3);
}

TEST_CASE(
    "a weight that is no fraction is taken for the nearest, or for none") {
  active_sequences active;
  active.add(request("a", rank, {1}), start);
  active.add_output_block(self, "a", 7.0, start);
  CHECK(blocks(active) == 2);
  active.add_output_block(self, "a", std::nan(""), start);
  CHECK(blocks(active) == 3);
  active.add_output_block(self, "a", -1.0, start);
  CHECK(blocks(active) == 0);
}

TEST_CASE("additional blocks are those beyond the longest prefix in use") {
  active_sequences active;
  const std::vector<std::uint64_t> prompt{1, 2, 3, 4};
  CHECK_FALSE(active.demand(rank, prompt, start));
  active.add(request("a", rank, {1, 2, 9}), start);
  CHECK(active.demand(rank, prompt, start)->additional_blocks == 2);
  CHECK(active.demand(rank, prompt, start)->load == active.load(rank, start));
  active.add(request("b", rank, {1, 2, 3, 4, 5}), start);
  CHECK(active.demand(rank, prompt, start)->additional_blocks == 0);
  CHECK(active.demand(rank, {}, start)->additional_blocks == 0);
}

TEST_CASE("block counts are those of a plain model") {
  std::mt19937_64 random{11};
  active_sequences active;
  struct modelled {
    std::vector<std::uint64_t> sequence;
    double weight = 1;
    std::uint64_t outputs = 0;
  };
  std::map<std::string, modelled> model;
  for (int step = 0; step < 4000; ++step) {
    const std::string id = std::to_string(random() % 30);
    switch (random() % 4) {
    case 0: {
      std::vector<std::uint64_t> sequence(random() % 40);
      for (std::uint64_t& block : sequence)
        block = random() % 60;
      active.add(request(id, rank, sequence), start);
      model[id] = {sequence};
      break;
    }
    case 1:
      active.free(self, id, start);
      model.erase(id);
      break;
    default:
      if (const auto at = model.find(id); at != model.end()) {
        at->second.weight = static_cast<double>(random() % 5) / 4;
        ++at->second.outputs;
        active.add_output_block(self, id, at->second.weight, start);
      }
    }
    std::map<std::uint64_t, std::vector<double>> uses;
    double total = 0;
    for (const auto& [name, one] : model) {
      total += one.weight * static_cast<double>(one.outputs);
      for (const std::uint64_t block : one.sequence)
        uses[block].push_back(one.weight);
    }
    for (const auto& [block, weights] : uses)
      total += weights.size() == 1 ? weights.front() : 1;
    const auto load = active.load(rank, start);
    REQUIRE((load ? load->active_decode_blocks : 0) ==
            static_cast<std::uint64_t>(std::round(total)));
  }
}

// -- Prefills

TEST_CASE("a completed prefill no longer counts, once") {
  active_sequences active;
  active.add(request("a", rank, {1}), start);
  active.add(request("b", rank, {1}), start);
  CHECK(active.mark_prefill_completed(self, "a", start));
  CHECK(active.mark_prefill_completed(self, "a", start));
  CHECK(active.load(rank, start)->active_prefill_tokens == 60);
  active.free(self, "a", start);
  CHECK(active.load(rank, start)->active_prefill_tokens == 60);
  CHECK_FALSE(active.mark_prefill_completed(self, "nobody", start));
}

TEST_CASE("the end of a request is the end of its prefill") {
  active_sequences active;
  active.add(request("a", rank, {1}), start);
  active.add(request("b", rank, {1}), start);
  active.free(self, "a", start);
  CHECK(active.load(rank, start)->active_prefill_tokens == 60);
}

TEST_CASE("prefill tokens decay with time") {
  active_sequences active;
  auto one = request("a", rank, {1});
  one.expected_prefill_duration = 6s;
  active.add(one, start);
  CHECK(active.load(rank, start + 2s)->active_prefill_tokens == 40);
}

TEST_CASE("a request learnt late has decayed since it was booked") {
  active_sequences active;
  auto one = request("a", rank, {1});
  one.expected_prefill_duration = 6s;
  active.add(one, start, 2s);
  CHECK(active.load(rank, start)->active_prefill_tokens == 40);
  CHECK(active.requests(start + 1s).front().age == 3s);
}

// -- Ids

TEST_CASE("a request booked again moves") {
  active_sequences active;
  active.add(request("a", rank, {1}), start);
  active.add(request("a", other, {2, 3}), start);
  CHECK_FALSE(active.load(rank, start));
  CHECK(active.load(other, start)->active_decode_blocks == 2);
  CHECK(active.counts().replaced == 1);
  CHECK(active.size() == 1);
}

TEST_CASE("equal ids of two routers are two requests") {
  active_sequences active;
  active.add(request("a", rank, {1}, self), start);
  active.add(request("a", other, {2}, peer), start);
  CHECK(active.size() == 2);
  CHECK(active.owner_of("a") == peer);
  CHECK(active.rank_of(self, "a") == rank);
  CHECK(active.free(peer, "a", start));
  CHECK(active.owner_of("a") == self);
  CHECK(active.load(rank, start)->active_requests == 1);
  CHECK_FALSE(active.rank_of(peer, "a"));
}

// -- Expiry

TEST_CASE("requests expire at their time to live, the oldest first") {
  active_sequences active;
  active.add(request("a", rank, {1}), start);
  active.add(request("b", rank, {2}), start + 5s);
  CHECK(active.expire(start + 9s, 10s) == 0);
  CHECK(active.expire(start + 10s, 10s) == 1);
  CHECK(active.load(rank, start + 10s)->active_requests == 1);
  CHECK(active.expire(start + 1h, 10s) == 1);
  CHECK(active.counts().expired == 2);
}

TEST_CASE("a request does not expire while something is heard of it") {
  active_sequences active;
  for (const char* id : {"prefill", "output", "touched", "silent"})
    active.add(request(id, rank, {1}), start);
  active.mark_prefill_completed(self, "prefill", start + 5s);
  active.add_output_block(self, "output", std::nullopt, start + 5s);
  CHECK(active.touch(self, "touched", start + 5s));
  CHECK_FALSE(active.touch(peer, "touched", start + 5s));
  CHECK(active.expire(start + 12s, 10s) == 1);
  CHECK_FALSE(active.owner_of("silent"));
  CHECK(active.expire(start + 15s, 10s) == 3);
}

TEST_CASE("a long generation does not expire while its router reports it") {
  active_sequences active;
  active.add(request("mine", rank, {1}, self), start);
  active.add(request("theirs", rank, {1}, peer), start);
  for (auto now = start; now < start + 2h; now += 1min) {
    active.touch_all(peer, now);
    active.expire(now, 300s);
  }
  CHECK(active.size(peer) == 1);
  CHECK(active.size(self) == 0);
  CHECK(active.expire(start + 3h, 300s) == 1);
}

// -- Going away

TEST_CASE("a rank goes with its requests") {
  active_sequences active;
  active.add(request("a", rank, {1}), start);
  active.add(request("b", other, {1}), start);
  CHECK(active.remove_rank(rank) == 1);
  CHECK(active.remove_rank(rank) == 0);
  CHECK_FALSE(active.load(rank, start));
  CHECK(active.size() == 1);
  CHECK(active.counts().removed == 1);
}

TEST_CASE("a router goes with its requests") {
  active_sequences active;
  active.add(request("a", rank, {1}, peer), start);
  active.add(request("b", other, {1}, peer), start);
  active.add(request("a", rank, {2}, self), start);
  CHECK(active.remove_router(peer) == 2);
  CHECK(active.remove_router(peer) == 0);
  CHECK(active.size(peer) == 0);
  CHECK(active.size(self) == 1);
  CHECK(blocks(active) == 1);
}

TEST_CASE("the oldest request is evicted beyond the limits, and counted") {
  active_sequences few{{.requests_max = 2, .blocks_max = 100}};
  active_sequences small{{.requests_max = 100, .blocks_max = 4}};
  for (active_sequences* active : {&few, &small}) {
    active->add(request("a", rank, {1, 2}), start);
    active->add(request("b", rank, {1, 3}), start);
    active->add(request("c", rank, {4, 5}), start);
    CHECK(active->counts().evicted == 1);
    CHECK_FALSE(active->free(self, "a", start));
    CHECK(blocks(*active) == 4);
  }
}

TEST_CASE("a request beyond the limits alone is kept") {
  active_sequences active{{.requests_max = 1, .blocks_max = 2}};
  active.add(request("a", rank, {1, 2, 3}), start);
  CHECK(active.size() == 1);
}

// -- Pictures

TEST_CASE("requests are shown in the order of their booking") {
  active_sequences active;
  active.add(request("a", rank, {1}, self), start);
  active.add(request("b", rank, {1}, peer), start + 1s);
  active.add(request("c", rank, {1}, self), start + 2s);
  active.mark_prefill_completed(self, "a", start + 3s);
  const auto all = active.requests(start + 5s);
  REQUIRE(all.size() == 3);
  CHECK(all[0].request.request_id == "a");
  CHECK(all[0].prefill_completed);
  CHECK(all[0].age == 5s);
  CHECK(all[1].request.request_id == "b");
  const auto mine = active.requests(start + 5s, self);
  REQUIRE(mine.size() == 2);
  CHECK(mine[1].request.request_id == "c");
}

TEST_CASE("a digest is that of the requests, whatever came between") {
  active_sequences one;
  active_sequences two;
  one.add(request("a", rank, {1}, peer), start);
  one.add(request("b", rank, {1}, peer), start);
  one.mark_prefill_completed(peer, "a", start);
  two.add(request("b", other, {1}, peer), start);
  two.add(request("c", rank, {1}, peer), start);
  two.add(request("b", rank, {1}, peer), start);
  CHECK(one.digest(peer) != two.digest(peer));
  two.free(peer, "c", start);
  two.add(request("a", rank, {1}, peer), start);
  CHECK(one.digest(peer) != two.digest(peer));
  two.mark_prefill_completed(peer, "a", start);
  CHECK(one.digest(peer) == two.digest(peer));
  one.remove_rank(rank);
  CHECK(one.digest(peer) == 0);
}
