#include "apps/loadgen/measurement.hpp"
#include "apps/loadgen/progress.hpp"
#include "apps/loadgen/report.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.hpp"

using Catch::Matchers::Contains;
using namespace dynamo::apps;
using nlohmann::json;

namespace {

request_outcome ended(std::uint64_t worker, std::uint64_t tokens,
                      double first_token_ms) {
  request_outcome outcome;
  outcome.generated_by = outcome.computed_by = {worker, 0};
  outcome.computed_tokens = tokens;
  outcome.blocks = {1, 4};
  outcome.time_to_first_token_ms = first_token_ms;
  return outcome;
}

request_outcome failed(std::uint64_t retries) {
  request_outcome outcome;
  outcome.has_failed = true;
  outcome.retries = retries;
  return outcome;
}

replay_report sample() {
  policy_tally tally{policy_kind::kv};
  tally.add(ended(1, 100, 12));
  tally.add(failed(5));
  replay_report report;
  report.requests = 2;
  report.policies = {tally.summary()};
  report.ideal = {1, 2};
  report.ideal_caches = {2, 5};
  const std::uint64_t longest = 18446744073709551615ULL;
  report.streams = {
      {longest, "kv-events", 7, 1'000'000, 999'999, 0, 0, 0, true}};
  return report;
}

} // namespace

TEST_CASE("percentile is the nearest rank") {
  std::vector<double> values;
  for (int i = 100; i > 0; --i) {
    values.push_back(i);
  }
  CHECK(percentile(values, 0.5) == 50);
  CHECK(percentile(values, 0.99) == 99);
  CHECK(percentile(values, 1) == 100);
  CHECK(percentile(values, 0) == 1);
  std::vector<double> one{3};
  CHECK(percentile(one, 0.99) == 3);
  std::vector<double> none;
  CHECK(percentile(none, 0.5) == 0);
}

TEST_CASE("policy_tally counts failures, retries and blocks") {
  policy_tally tally{policy_kind::random};
  tally.add(ended(1, 100, 10));
  tally.add(ended(1, 100, 20));
  tally.add(failed(5));
  const policy_summary all = tally.summary();
  CHECK(all.policy == policy_kind::random);
  CHECK(all.requests == 3);
  CHECK(all.failed == 1);
  CHECK(all.retries == 5);
  CHECK(all.hit_rate == 0.25);
  CHECK(all.time_to_first_token_ms_p50 == 10);
  CHECK(all.time_to_first_token_ms_p99 == 20);
}

TEST_CASE("policy_tally compares ranks, those that had nothing as well") {
  policy_tally tally{policy_kind::kv};
  tally.add(ended(1, 300, 1));
  tally.add(ended(2, 100, 1));
  tally.add(ended(2, 0, 1));
  CHECK(tally.summary().imbalance_tokens == 1.5);
  CHECK(tally.summary().imbalance_requests == Approx(4.0 / 3));
  tally.add_rank({2, 0});
  tally.add_rank({3, 0});
  tally.add_rank({3, 1});
  CHECK(tally.summary().imbalance_tokens == 3);
  CHECK(tally.summary().imbalance_requests == Approx(8.0 / 3));
  CHECK(tally.summary().ranks == 4);
}

TEST_CASE("policy_tally counts a request at both ranks that served it") {
  request_outcome outcome = ended(1, 100, 1);
  outcome.computed_by = {2, 0};
  policy_tally tally{policy_kind::kv};
  tally.add(outcome);
  CHECK(tally.summary().imbalance_requests == 1);
  CHECK(tally.summary().imbalance_tokens == 2);
  CHECK(tally.summary().ranks == 2);
}

TEST_CASE("policy_tally of nothing is all zero") {
  const policy_summary all = policy_tally{policy_kind::kv}.summary();
  CHECK(all.hit_rate == 0);
  CHECK(all.imbalance_tokens == 0);
  CHECK(all.imbalance_requests == 0);
}

TEST_CASE("layout aligns columns and leaves no blanks at the end") {
  CHECK(layout({{"a", "1", ""}, {"bbb", "22", "x"}}) ==
        "a     1\nbbb  22  x\n");
  CHECK(layout({}).empty());
}

TEST_CASE("to_text keeps to 80 columns") {
  std::istringstream lines{to_text(sample())};
  std::size_t longest = 0;
  for (std::string line; std::getline(lines, line);) {
    longest = std::max(longest, line.size());
  }
  CHECK(longest <= 80);
}

TEST_CASE("to_text shows each policy and what is unaccounted for") {
  const std::string text = to_text(sample());
  CHECK_THAT(text, Contains("kv       25.0    40.0     50.0  0.012   0.01"));
  CHECK_THAT(text, Contains("kv: 2 requests, 1 of 4 blocks, 1 ranks"));
  CHECK_THAT(text, Contains("caches not cleared"));
  CHECK_THAT(text, Contains("unaccounted events: 1"));
}

TEST_CASE("to_json is one document with every figure") {
  const json document = json::parse(to_json(sample()));
  CHECK(document.at("requests") == 2);
  CHECK(document.at("ideal_hit_rate") == 0.5);
  CHECK(document.at("ideal_hit_rate_caches") == 0.4);
  CHECK(document.at("unaccounted_events") == 1);
  const json& kv = document.at("policies").at("kv");
  CHECK(kv.at("failed") == 1);
  CHECK(kv.at("retries") == 5);
  CHECK(kv.at("hit_rate") == 0.25);
  CHECK(kv.at("ttft_ms_p99") == 12);
  CHECK(kv.at("blocks_asked") == 4);
  CHECK(kv.at("imbalance_tokens") == 1);
  CHECK(kv.at("had_empty_caches") == false);
  const json& stream = document.at("streams").at(0);
  CHECK(stream.at("publisher_id") == 18446744073709551615ULL);
  CHECK(stream.at("worker_id") == 7);
  CHECK(stream.at("ended") == "left");
}

TEST_CASE("progress_bar fills and stays below 80 columns") {
  CHECK(progress_bar("kv", 5, 10) == "kv          [" + std::string(20, '#') +
                                         std::string(20, '.') + "] 5/10");
  CHECK(progress_bar("round_robin", 1'000'000, 1'000'000).size() < 80);
  CHECK_THAT(progress_bar("kv", 0, 0), Contains("0/0"));
}
