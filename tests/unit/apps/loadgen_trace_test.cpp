#include "apps/loadgen/policy.hpp"
#include "apps/loadgen/prompt.hpp"
#include "apps/loadgen/trace.hpp"
#include "dynamo/router/block_hash.hpp"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.hpp"

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using namespace dynamo::apps;
using dynamo::errc;

namespace {

const std::string good =
    R"({"timestamp": 7, "input_length": 513, "output_length": 3, )"
    R"("hash_ids": [4, 5]})";

dynamo::result<std::vector<trace_request>>
read(const std::string& text, const trace_range& range = {},
     const trace_limits& limits = {}) {
  std::istringstream lines{text};
  return read_trace(lines, "t.jsonl", range, limits);
}

dynamo::error refused(const std::string& text,
                      const trace_limits& limits = {}) {
  const auto all = read(text, {}, limits);
  REQUIRE_FALSE(all);
  return all.error();
}

trace_request request(std::uint64_t tokens, std::vector<std::uint64_t> ids) {
  return {std::chrono::milliseconds{0}, tokens, 1, std::move(ids)};
}

} // namespace

TEST_CASE("read_trace reads every member of a line") {
  const auto all = read(good + "\n");
  REQUIRE(all);
  REQUIRE(all->size() == 1);
  CHECK(all->front().arrival == std::chrono::milliseconds{7});
  CHECK(all->front().input_tokens == 513);
  CHECK(all->front().output_tokens == 3);
  CHECK(all->front().block_ids == std::vector<std::uint64_t>{4, 5});
}

TEST_CASE("read_trace skips and stops without looking at the other lines") {
  const auto all =
      read("nonsense\n\n" + good + "\r\n" + good + "\nnonsense\n", {1, 2});
  REQUIRE(all);
  CHECK(all->size() == 2);
}

TEST_CASE("read_trace names the file and the line of a mistake") {
  CHECK_THAT(refused(good + "\n\n{\"timestamp\": -1}\n").message,
             StartsWith("t.jsonl:3: timestamp: expected an integer"));
}

TEST_CASE("read_trace rejects lines that are no request") {
  const std::string head = R"({"timestamp":0,"output_length":1,)";
  const auto text = GENERATE_COPY(
      std::string{"[]"}, std::string{"{"}, head + "\"hash_ids\":[]}",
      head + R"("input_length":0,"hash_ids":[]})",
      head + R"("input_length":512,"hash_ids":[1,2]})",
      head + R"("input_length":513,"hash_ids":[1]})",
      head + R"("input_length":1,"hash_ids":[4294967296]})",
      head + R"("input_length":4194305,"hash_ids":[1]})");
  CHECK_THAT(refused(text).message, StartsWith("t.jsonl:1: "));
}

TEST_CASE("read_trace rejects a time before that of the line before") {
  const std::string earlier =
      R"({"timestamp":6,"input_length":1,"output_length":1,"hash_ids":[1]})";
  CHECK_THAT(refused(good + "\n" + earlier).message,
             StartsWith("t.jsonl:2: timestamp: expected at least 7"));
}

TEST_CASE("read_trace bounds lines, requests and blocks") {
  trace_limits limits;
  SECTION("lines") {
    limits.line_bytes_max = good.size() - 1;
  }
  SECTION("requests") {
    limits.requests_max = 1;
  }
  SECTION("blocks") {
    limits.blocks_max = 3;
  }
  CHECK(refused(good + "\n" + good + "\n", limits).code == errc::too_large);
}

TEST_CASE("read_trace takes a line of exactly the greatest length") {
  trace_limits limits;
  limits.line_bytes_max = good.size();
  CHECK(read(good + "\n" + good, {}, limits));
}

TEST_CASE("read_trace says when the range holds nothing") {
  const auto all = read(good, {1, 1});
  REQUIRE_FALSE(all);
  CHECK(all.error().code == errc::not_found);
}

TEST_CASE("tokens_of makes 512 tokens of a number and cuts the last block") {
  const auto tokens = tokens_of(request(514, {2, 0}), 0);
  REQUIRE(tokens.size() == 514);
  CHECK(tokens.front() == 1024);
  CHECK(tokens[511] == 1535);
  CHECK(tokens.back() == 1);
}

TEST_CASE("tokens_of keeps policies apart below 2^32") {
  const auto last = request(512, {policy_id_stride - 1});
  const std::vector kinds{policy_kind::kv, policy_kind::round_robin,
                          policy_kind::random, policy_kind::predict,
                          policy_kind::kv_replicas};
  for (std::size_t i = 1; i < kinds.size(); ++i) {
    CHECK(tokens_of(last, id_shift_of(kinds[i - 1])).back() <
          tokens_of(request(1, {0}), id_shift_of(kinds[i])).front());
  }
  CHECK(tokens_of(last, id_shift_of(kinds.back())).back() == 0x9FFFFFFF);
}

TEST_CASE("prompt_members gives tokens, or the hashes of full blocks") {
  const auto asked = request(3, {1});
  CHECK(prompt_members(asked, {prompt_form::tokens, 2, 0}) ==
        R"("tokens":[512,513,514])");
  const std::vector<std::uint32_t> block{512, 513};
  const auto hash = dynamo::local_block_hashes(block, 2);
  CHECK(prompt_members(asked, {prompt_form::hashes, 2, 0}) ==
        "\"block_hashes\":[" + std::to_string(hash.at(0)) +
            "],\"input_tokens\":3");
  CHECK(prompt_members(asked, {prompt_form::hashes, 16, 0}) ==
        R"("block_hashes":[],"input_tokens":3)");
}

TEST_CASE("infinite_cache reuses the longest common prefix") {
  infinite_cache cache{16};
  cache.ask(request(1024, {1, 2}));
  CHECK(cache.counts().reused == 0);
  cache.ask(request(1024, {1, 3}));
  CHECK(cache.counts().reused == 32);
  // The same block behind another prefix is another block.
  cache.ask(request(1024, {3, 1}));
  CHECK(cache.counts().reused == 32);
  CHECK(cache.counts().asked == 3 * 64);
}

TEST_CASE("infinite_cache counts partial blocks of a trace as far as seen") {
  infinite_cache cache{16};
  cache.ask(request(40, {1}));
  cache.ask(request(512, {1}));
  CHECK(cache.counts().reused == 2);
  cache.ask(request(40, {1}));
  CHECK(cache.counts().reused == 4);
  CHECK(cache.counts().asked == 2 + 32 + 2);
}

TEST_CASE("infinite_cache agrees with a set of sequence hashes") {
  const auto block_size = GENERATE(16U, 24U, 512U, 700U);
  const std::vector<trace_request> all{
      request(2000, {1, 2, 3, 4}), request(1300, {1, 2, 5}),
      request(700, {6, 7}), request(2048, {1, 2, 3, 4}),
      request(1700, {6, 7, 8, 9})};
  infinite_cache cache{block_size};
  std::vector<std::uint64_t> seen;
  std::uint64_t reused = 0;
  for (const trace_request& each : all) {
    cache.ask(each);
    const auto blocks = dynamo::sequence_hashes(
        dynamo::local_block_hashes(tokens_of(each, 0), block_size));
    for (const std::uint64_t block : blocks) {
      reused += std::count(seen.begin(), seen.end(), block) > 0 ? 1 : 0;
    }
    seen.insert(seen.end(), blocks.begin(), blocks.end());
  }
  CHECK(cache.counts().reused == reused);
}

TEST_CASE("parse_policies takes lists and repetitions in their order") {
  const auto all = parse_policies({"random", "kv,round_robin"});
  REQUIRE(all);
  CHECK(*all == std::vector{policy_kind::random, policy_kind::kv,
                            policy_kind::round_robin});
  const auto routed = parse_policies({"predict,kv_replicas"});
  REQUIRE(routed);
  CHECK(*routed == std::vector{policy_kind::predict, policy_kind::kv_replicas});
}

TEST_CASE("parse_policies rejects what is unknown, repeated or empty") {
  using words = std::vector<std::string>;
  const auto given = GENERATE(words{}, words{"best"}, words{"kv,"},
                              words{"kv", "random,kv"}, words{""});
  const auto all = parse_policies(given);
  REQUIRE_FALSE(all);
  CHECK_THAT(all.error().message, Contains("--policy"));
}

TEST_CASE("local_choice takes ranks in turn and leaves out who failed") {
  const std::vector<worker_rank> live{{1, 0, "a"}, {1, 1, "a"}, {2, 0, "b"}};
  local_choice turns{policy_kind::round_robin, 0};
  CHECK(turns.choose(live, {}) == live[0]);
  CHECK(turns.choose(live, {}) == live[1]);
  CHECK(turns.choose(live, {}) == live[2]);
  CHECK(turns.choose(live, {"a"}) == live[2]);
  CHECK(turns.choose(live, {"a", "b"}));
  CHECK_FALSE(turns.choose({}, {}));
}

TEST_CASE("local_choice at random reaches everybody") {
  const std::vector<worker_rank> live{{1, 0, "a"}, {2, 0, "b"}, {3, 0, "c"}};
  local_choice draws{policy_kind::random, 1};
  std::vector<int> times(3);
  for (int i = 0; i < 300; ++i) {
    ++times[draws.choose(live, {})->worker_id - 1];
  }
  CHECK(*std::min_element(times.begin(), times.end()) > 50);
}
