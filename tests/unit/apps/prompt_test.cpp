#include "apps/app/prompt.hpp"
#include "dynamo/router/block_hash.hpp"

#include <nlohmann/json.hpp>

#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"

using dynamo::apps::parse_prompt_body;
using nlohmann::json;

namespace {

dynamo::result<dynamo::apps::prompt> prompt_in(const json& members,
                                               std::uint32_t block_size) {
  return dynamo::apps::prompt_of({members, {}}, block_size);
}

} // namespace

TEST_CASE("a prompt of tokens is counted, and its full blocks are hashed") {
  const std::vector<std::uint32_t> tokens{1, 2, 3, 4, 5, 6, 7, 8, 9};
  const auto prompt = prompt_in({{"tokens", tokens}}, 4);
  REQUIRE(prompt);
  CHECK(prompt->tokens == 9);
  CHECK(prompt->local.size() == 2);
  CHECK(prompt->local == dynamo::local_block_hashes(tokens, 4));
}

TEST_CASE("a prompt of block hashes is taken as it is") {
  const std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
  const auto prompt = prompt_in(
      {{"block_hashes", json::array({1, largest})}, {"input_tokens", 9}}, 4);
  REQUIRE(prompt);
  CHECK(prompt->tokens == 9);
  CHECK(prompt->local == std::vector<std::uint64_t>{1, largest});
}

TEST_CASE("a prompt may be shorter than a block") {
  const auto from_tokens = prompt_in({{"tokens", json::array({1})}}, 4);
  REQUIRE(from_tokens);
  CHECK(from_tokens->local.empty());
  const auto from_hashes =
      prompt_in({{"block_hashes", json::array()}, {"input_tokens", 3}}, 4);
  REQUIRE(from_hashes);
  CHECK(from_hashes->tokens == 3);
}

TEST_CASE("a prompt that cannot be read is refused by the member's name") {
  struct row {
    const char* body;
    const char* starts;
  };
  const row rows[] = {
      {R"({})", "tokens: expected either"},
      {R"({"tokens":[1],"block_hashes":[1],"input_tokens":4})",
       "tokens: expected either"},
      {R"({"tokens":[]})", "tokens: expected at least one"},
      {R"({"tokens":7})", "tokens"},
      {R"({"tokens":[4294967296]})", "tokens"},
      {R"({"tokens":[-1]})", "tokens"},
      {R"({"tokens":["a"]})", "tokens"},
      {R"({"block_hashes":[1]})", "input_tokens"},
      {R"({"block_hashes":[1],"input_tokens":0})", "input_tokens: expected"},
      {R"({"block_hashes":[1],"input_tokens":16777217})", "input_tokens"},
      {R"({"block_hashes":[1,2],"input_tokens":7})", "block_hashes: expected"},
      {R"({"block_hashes":[1.5],"input_tokens":7})", "block_hashes"},
  };
  for (const row& each : rows) {
    CAPTURE(each.body);
    const auto prompt = prompt_in(json::parse(each.body), 4);
    REQUIRE_FALSE(prompt);
    CHECK_THAT(prompt.error().message,
               Catch::Matchers::StartsWith(each.starts));
  }
}

TEST_CASE("a prompt is the same whether its text was parsed whole or not") {
  for (const std::string text :
       {R"({"tokens":[1,2,3,4,5,6,7,8,9],"lora_name":"a"})",
        R"({"block_hashes":[1,18446744073709551615],"input_tokens":9})"}) {
    CAPTURE(text);
    const auto body = parse_prompt_body(text);
    REQUIRE(body);
    const auto fast = dynamo::apps::prompt_of(*body, 4);
    const auto slow = prompt_in(json::parse(text), 4);
    REQUIRE(fast);
    REQUIRE(slow);
    CHECK(fast->tokens == slow->tokens);
    CHECK(fast->local == slow->local);
  }
}

TEST_CASE("an adapter and a cache salt make other hashes of the same tokens") {
  const std::vector<std::uint32_t> tokens{1, 2, 3, 4};
  const auto plain = prompt_in({{"tokens", tokens}}, 4);
  const auto named = prompt_in(
      {{"tokens", tokens}, {"lora_name", "a"}, {"cache_salt", "s"}}, 4);
  REQUIRE(named);
  CHECK(named->local != plain->local);
  dynamo::block_hash_options options;
  options.lora_name = "a";
  options.cache_namespace = "s";
  CHECK(named->local == dynamo::local_block_hashes(tokens, 4, options));
  const auto null = prompt_in({{"tokens", tokens}, {"lora_name", nullptr}}, 4);
  REQUIRE(null);
  CHECK(null->local == plain->local);
}

TEST_CASE("a prompt beyond its limit is too large, however it is given") {
  for (const char* text :
       {R"({"tokens":[1,2,3,4,5]})",
        R"({"block_hashes":[1,2,3,4,5],"input_tokens":4})"}) {
    CAPTURE(text);
    const auto body = parse_prompt_body(text);
    REQUIRE(body);
    const auto prompt = dynamo::apps::prompt_of(*body, 1, 4);
    REQUIRE_FALSE(prompt);
    CHECK(prompt.error().code == dynamo::errc::too_large);
  }
}

TEST_CASE("tokens that are given twice are refused") {
  for (const char* text :
       {R"({"tokens":[1],"tokens":[2]})", R"({"tokens":[1],"tok\u0065ns":[2]})",
        R"({"tok\u0065ns":[1],"tokens":[2]})"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_prompt_body(text));
  }
}
