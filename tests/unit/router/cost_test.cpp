#include "dynamo/router/cost.hpp"

#include <map>
#include <random>
#include <vector>

#include "support/catch.hpp"

using dynamo::choose_cost;
using dynamo::cost_input;
using dynamo::cost_of;
using dynamo::cost_options;
using dynamo::rank_load;

namespace {

/// 10 blocks of 16 tokens, 4 of them on the device, and half a block.
cost_input request() {
  return {.block_size = 16,
          .prompt_tokens = 168,
          .request_blocks = 10,
          .overlap = {.rank = {}, .device = 4, .host = 4, .disk = 4},
          .load = {},
          .additional_blocks = 10,
          .least_prefill_tokens = 0};
}

rank_load busy() {
  return {.active_requests = 3,
          .active_prefill_tokens = 320,
          .active_decode_blocks = 25,
          .expected_output_tokens = 0};
}

} // namespace

TEST_CASE("an idle rank costs the prompt less what it holds, plus its blocks") {
  const auto terms = cost_of(request(), {});
  CHECK(terms.raw_prefill_blocks == 10.5);
  CHECK(terms.credit == 4);
  CHECK(terms.prefill_blocks == 6.5);
  CHECK(terms.decode_blocks == 10);
  CHECK(terms.request_blocks == 0);
  CHECK(terms.total == 16.5);
}

TEST_CASE("a busy rank costs its queued prefill and its blocks in use too") {
  cost_input input = request();
  input.load = busy();
  input.additional_blocks = 6;
  const auto terms = cost_of(input, {});
  CHECK(terms.raw_prefill_blocks == 30.5);
  CHECK(terms.prefill_blocks == 26.5);
  CHECK(terms.decode_blocks == 31);
  CHECK(terms.total == 57.5);
}

TEST_CASE("lower tiers count at their weights") {
  cost_input input = request();
  input.overlap.host = 6;
  input.overlap.disk = 10;
  CHECK(cost_of(input, {}).credit == 4 + 0.75 * 2 + 0.25 * 4);
  CHECK(dynamo::cached_tokens(input.overlap, 16, {}) == 104);
  const cost_options device_only{.host_cache_hit_weight = 0,
                                 .disk_cache_hit_weight = 0};
  CHECK(cost_of(input, device_only).credit == 4);
  CHECK(dynamo::cached_tokens(input.overlap, 16, device_only) == 64);
}

TEST_CASE("more overlap than prompt never costs less than nothing") {
  cost_input input = request();
  input.prompt_tokens = 16;
  CHECK(cost_of(input, {}).prefill_blocks == 0);
}

TEST_CASE("more overlap than prompt is computed as cached on a busy rank") {
  cost_input input = request();
  input.prompt_tokens = 16;
  input.load = rank_load{.active_requests = 1};
  CHECK(cost_of(input, {}).raw_prefill_blocks == 4);
}

TEST_CASE("the scales weigh prefill and requests") {
  cost_input input = request();
  input.load = busy();
  const auto terms = cost_of(input, {.overlap_score_credit = 2,
                                     .prefill_load_scale = 0.5,
                                     .decode_active_request_weight = 1.5});
  CHECK(terms.credit == 8);
  CHECK(terms.prefill_blocks == 0.5 * (30.5 - 8));
  CHECK(terms.request_blocks == 4.5);
}

TEST_CASE("the credit decays with the prefill beyond the least busy rank's") {
  cost_input input = request();
  input.load = busy();
  input.least_prefill_tokens = 160;
  const cost_options options{.overlap_score_credit_decay = 1};
  // 160 tokens beyond are 10 blocks: as many as the request has.
  CHECK(cost_of(input, options).credit == 2);
  input.least_prefill_tokens = 320;
  CHECK(cost_of(input, options).credit == 4);
}

TEST_CASE("a request without full blocks has a cost") {
  cost_input input;
  input.block_size = 16;
  input.prompt_tokens = 8;
  const auto terms = cost_of(input, {.overlap_score_credit_decay = 1});
  CHECK(terms.total == 0.5);
}

TEST_CASE("temperature 0 chooses the least cost") {
  const std::vector<double> costs{3, 1, 2};
  CHECK(choose_cost(costs, 0, 0) == 1);
  CHECK(choose_cost(costs, 0, 0.999) == 1);
}

TEST_CASE("exact ties are chosen with equal chances") {
  const std::vector<double> costs{1, 2, 1, 1};
  CHECK(choose_cost(costs, 0, 0) == 0);
  CHECK(choose_cost(costs, 0, 0.34) == 2);
  CHECK(choose_cost(costs, 0, 0.67) == 3);
  CHECK(choose_cost(costs, 0, 0.999999) == 3);
}

TEST_CASE("a temperature chooses by the softmax of the scaled costs") {
  // At T = 1 the weights are 1, exp(-0.5) and exp(-1).
  const std::vector<double> costs{10, 15, 20};
  std::mt19937_64 random{11};
  std::map<std::size_t, int> hits;
  constexpr int draws = 20'000;
  for (int i = 0; i < draws; ++i)
    ++hits[choose_cost(costs, 1, dynamo::unit_interval(random()))];
  CHECK(hits[0] / double{draws} == Approx(0.5065).margin(0.015));
  CHECK(hits[1] / double{draws} == Approx(0.3072).margin(0.015));
  CHECK(hits[2] / double{draws} == Approx(0.1863).margin(0.015));
}

TEST_CASE("a temperature chooses uniformly among equal costs") {
  const std::vector<double> costs{4, 4};
  CHECK(choose_cost(costs, 1, 0.4) == 0);
  CHECK(choose_cost(costs, 1, 0.6) == 1);
}

TEST_CASE("unit_interval stays below one") {
  CHECK(dynamo::unit_interval(0) == 0);
  CHECK(dynamo::unit_interval(~std::uint64_t{0}) < 1);
}
