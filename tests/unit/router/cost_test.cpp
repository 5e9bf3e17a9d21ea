#include "dynamo/router/cost.hpp"

#include <cmath>
#include <limits>
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

TEST_CASE("a rank without requests costs the whole prompt before credit") {
  cost_input input = request();
  input.overlap = {.rank = {}, .device = 10, .host = 10, .disk = 10};
  CHECK(cost_of(input, {}).raw_prefill_blocks == 10.5);
  // With a load, cached tokens that exceed the prompt count as they are.
  input.overlap.disk = 60;
  CHECK(cost_of(input, {}).raw_prefill_blocks == 10.5);
  input.load = rank_load{.active_requests = 1};
  CHECK(cost_of(input, {}).raw_prefill_blocks == 22.5);
}

TEST_CASE("cached tokens are rounded to whole ones") {
  const dynamo::rank_overlap overlap{
      .rank = {}, .device = 0, .host = 1, .disk = 1};
  CHECK(dynamo::cached_tokens(overlap, 3, {}) == 2);
  CHECK(dynamo::cached_tokens(overlap, 1, {}) == 1);
}

TEST_CASE("a tier of weight 0 is skipped, those below it count on") {
  cost_input input = request();
  input.overlap.host = 6;
  input.overlap.disk = 10;
  const cost_options no_host{.host_cache_hit_weight = 0};
  CHECK(cost_of(input, no_host).credit == 4 + 0.25 * 4);
  CHECK(dynamo::cached_tokens(input.overlap, 16, no_host) == 80);
}

TEST_CASE("shared hits count beyond what the device holds") {
  cost_input input = request();
  input.shared_blocks = 9;
  CHECK(cost_of(input, {}).credit == 4);
  const cost_options options{.shared_cache_multiplier = 0.5};
  CHECK(cost_of(input, options).credit == 4 + 0.5 * 5);
  input.shared_blocks = 3;
  CHECK(cost_of(input, options).credit == 4);
}

TEST_CASE("the decay leaves lower tiers and shared hits alone") {
  cost_input input = request();
  input.load = busy();
  input.least_prefill_tokens = 160;
  input.overlap.host = 6;
  input.overlap.disk = 8;
  input.shared_blocks = 5;
  const cost_options options{.overlap_score_credit_decay = 1,
                             .shared_cache_multiplier = 2};
  CHECK(cost_of(input, options).credit == 2 + 0.75 * 2 + 0.25 * 2 + 2);
}

TEST_CASE("a rank below the least prefill, or without load, does not decay") {
  cost_input input = request();
  input.least_prefill_tokens = 1000;
  const cost_options options{.overlap_score_credit_decay = 1};
  CHECK(cost_of(input, options).credit == 4);
  input.load = busy();
  CHECK(cost_of(input, options).credit == 4);
}

TEST_CASE("trust scales the credit of what the rank holds, nothing else") {
  cost_input input = request();
  input.load = busy();
  input.overlap.host = 6;
  input.overlap.disk = 6;
  input.shared_blocks = 5;
  input.trust = 0.5;
  const cost_options options{.shared_cache_multiplier = 1};
  const auto terms = cost_of(input, options);
  CHECK(terms.credit == 0.5 * (4 + 1.5) + 1);
  // What would be computed is as if all of it were there.
  CHECK(terms.raw_prefill_blocks == 30.5);
  input.trust = 0;
  CHECK(cost_of(input, options).credit == 1);
}

TEST_CASE("prompts are no load where prefill tokens are not tracked") {
  cost_input input = request();
  input.load = busy();
  input.overlap = {};
  input.track_prefill_tokens = false;
  const auto terms = cost_of(input, {.decode_active_request_weight = 1});
  CHECK(terms.raw_prefill_blocks == 0);
  CHECK(terms.prefill_blocks == 0);
  CHECK(terms.total == 35 + 3);
}

TEST_CASE("a decode pool takes the credit off the blocks in use") {
  cost_input input = request();
  input.load = busy();
  input.track_prefill_tokens = false;
  const cost_options options{.decode_active_request_weight = 1};
  CHECK(cost_of(input, options).total == 35 - 4 + 3);
  // Never below the request term.
  input.overlap = {.rank = {}, .device = 90, .host = 90, .disk = 90};
  CHECK(cost_of(input, options).total == 3);
}

TEST_CASE("preferred taints multiply the cost by exp(-tanh(weights))") {
  cost_input input = request();
  CHECK(cost_of(input, {}).taint_factor == 1);
  input.preference = 0.5;
  const auto liked = cost_of(input, {});
  CHECK(liked.taint_factor == Approx(std::exp(-std::tanh(0.5))));
  CHECK(liked.total == Approx(16.5 * 0.62996).epsilon(1e-4));
  input.preference = -100;
  CHECK(cost_of(input, {}).taint_factor == Approx(std::exp(1.0)));
}

TEST_CASE("every default of the cost is Dynamo's") {
  const cost_options options;
  CHECK(options.overlap_score_credit == 1);
  CHECK(options.overlap_score_credit_decay == 0);
  CHECK(options.prefill_load_scale == 1);
  CHECK(options.decode_active_request_weight == 0);
  CHECK(options.host_cache_hit_weight == 0.75);
  CHECK(options.disk_cache_hit_weight == 0.25);
  CHECK(options.shared_cache_multiplier == 0);
  CHECK(options.temperature == 0);
}

TEST_CASE("overrides change what they name and leave the rest") {
  const cost_options base{.overlap_score_credit = 0.5,
                          .decode_active_request_weight = 3,
                          .temperature = 0.25};
  const auto same = dynamo::with_overrides(base, {});
  CHECK(same.overlap_score_credit == 0.5);
  CHECK(same.temperature == 0.25);
  const auto changed =
      dynamo::with_overrides(base, {.overlap_score_credit = 0,
                                    .overlap_score_credit_decay = 2,
                                    .prefill_load_scale = 3,
                                    .temperature = 4,
                                    .shared_cache_multiplier = 5,
                                    .assume_kv_reuse = {},
                                    .track_prefill_tokens = {}});
  CHECK(changed.overlap_score_credit == 0);
  CHECK(changed.overlap_score_credit_decay == 2);
  CHECK(changed.prefill_load_scale == 3);
  CHECK(changed.temperature == 4);
  CHECK(changed.shared_cache_multiplier == 5);
  CHECK(changed.decode_active_request_weight == 3);
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

TEST_CASE("each row is chosen for its share of the samples") {
  const std::vector<double> costs{7, 3, 3, 11, 5};
  for (const double temperature : {0.05, 0.5, 1.0, 20.0}) {
    std::vector<double> shares;
    double sum = 0;
    for (const double cost : costs) {
      shares.push_back(std::exp(-(cost - 3) / (8 * temperature)));
      sum += shares.back();
    }
    constexpr int draws = 10'000;
    std::vector<int> hits(costs.size());
    for (int i = 0; i < draws; ++i)
      ++hits[choose_cost(costs, temperature, (i + 0.5) / draws)];
    for (std::size_t i = 0; i < costs.size(); ++i)
      CHECK(std::abs(hits[i] - shares[i] / sum * draws) <= 1);
  }
}

TEST_CASE("the last row is taken when rounding leaves a sample over") {
  std::mt19937 random{3};
  const double sample = dynamo::unit_interval(~std::uint64_t{0});
  int found = 0;
  for (int round = 0; round < 1000; ++round) {
    std::vector<double> costs(7);
    for (double& cost : costs)
      cost = static_cast<double>(random() % 1000);
    // Dearest, and so unlikely that the others alone make up all chances.
    costs.back() = 5000;
    const double temperature = 0.001;
    const std::size_t chosen = choose_cost(costs, temperature, sample);
    REQUIRE(chosen < costs.size());
    found += chosen == costs.size() - 1 ? 1 : 0;
  }
  CHECK(found > 0);
}

TEST_CASE("a difference too small to divide by is a tie of the least") {
  const double tiny = std::numeric_limits<double>::denorm_min();
  const std::vector<double> costs{tiny, 0};
  CHECK(choose_cost(costs, 0.1, 0) == 1);
  CHECK(choose_cost(costs, 0.1, 0.99) == 1);
}

TEST_CASE("one cost is always chosen") {
  const std::vector<double> costs{42};
  CHECK(choose_cost(costs, 0, 0.5) == 0);
  CHECK(choose_cost(costs, 1, 0.5) == 0);
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
