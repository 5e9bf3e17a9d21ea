#include "apps/loadgen/cluster_json.hpp"
#include "apps/loadgen/flags.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"

using Catch::Matchers::Contains;
using namespace dynamo::apps;
using dynamo::errc;

TEST_CASE("members_from_json adds up what workers hold that are there") {
  const auto members = members_from_json(
      R"({"workers":[{"worker_id":1,"endpoint":"http://a","blocks":3,
          "discovered":true,"state":"in_sync","ranks":[{"dp_rank":0}]},
         {"worker_id":2,"endpoint":"http://b","blocks":4,"discovered":true,
          "state":"stale","ranks":[]},
         {"worker_id":3,"endpoint":"http://c","blocks":5,"discovered":false,
          "state":"stale","ranks":[]}]})");
  REQUIRE(members);
  CHECK(members->blocks == 7);
  CHECK(members->endpoints.size() == 3);
  CHECK(members->ranks ==
        std::vector<worker_rank>{{1, std::uint32_t{0}, "http://a"}});
}

TEST_CASE("choice_from_json knows one worker, or one for each half") {
  const auto one = choice_from_json(
      R"({"worker_id":1,"dp_rank":0,"endpoint":"http://a",
          "mode":"aggregated"})");
  REQUIRE(one);
  CHECK(one->worker == worker_rank{1, 0, "http://a"});
  CHECK_FALSE(one->prefill);

  const auto two = choice_from_json(
      R"({"worker_id":1,"dp_rank":0,"endpoint":"http://a",
          "mode":"disaggregated",
          "prefill":{"worker_id":2,"dp_rank":1,"endpoint":"http://b"},
          "decode":{"worker_id":1,"dp_rank":0,"endpoint":"http://a"}})");
  REQUIRE(two);
  CHECK(two->worker == worker_rank{1, 0, "http://a"});
  CHECK(two->prefill == worker_rank{2, 1, "http://b"});
}

TEST_CASE("choice_from_json takes no prefill worker where a pool is empty") {
  const auto choice = choice_from_json(
      R"({"worker_id":1,"dp_rank":0,"endpoint":"http://a",
          "mode":"decode_only","prefill":null})");
  REQUIRE(choice);
  CHECK_FALSE(choice->prefill);
}

TEST_CASE("choice_from_json names what a half lacks") {
  const auto choice = choice_from_json(
      R"({"worker_id":1,"dp_rank":0,"endpoint":"http://a",
          "mode":"disaggregated","prefill":{"worker_id":2,"dp_rank":1}})");
  REQUIRE_FALSE(choice);
  CHECK_THAT(choice.error().message, Contains("prefill: endpoint"));
}

TEST_CASE("generate_line_from_json tells the three kinds of lines apart") {
  const auto kind_of = [](const std::string& event) {
    const auto line = generate_line_from_json(
        R"({"event":")" + event +
        R"(","worker_id":1,"dp_rank":0,"input_blocks":2,"cached_blocks":1,
            "time_to_first_token_ms":3})");
    REQUIRE(line);
    return line->kind;
  };
  CHECK(kind_of("first_token") == line_kind::first_token);
  CHECK(kind_of("output_block") == line_kind::output_block);
  CHECK(kind_of("done") == line_kind::done);
}

TEST_CASE("a line that says why a worker stops is a failure that may pass") {
  const auto text = GENERATE(
      std::string{R"({"error":{"code":"closed","message":"stopping"}})"},
      std::string{R"({"error":"stopping"})"});
  const auto line = generate_line_from_json(text);
  REQUIRE_FALSE(line);
  CHECK(line.error().code == errc::unavailable);
  CHECK(line.error().message == "stopping");
}

TEST_CASE("refusal_of finds the sentence, or gives what came") {
  CHECK(refusal_of(R"({"error":{"code":"x","message":"a sentence"}})") ==
        "a sentence");
  CHECK(refusal_of(R"({"error":"a sentence"})") == "a sentence");
  CHECK(refusal_of(R"({"error":{"code":1}})") == R"({"code":1})");
  CHECK(refusal_of("<html>") == "<html>");
}

TEST_CASE("policies_of wants the routers that a policy needs") {
  loadgen_flags flags;
  CHECK(policies_of(flags).error().code == errc::invalid);
  flags.routers = {"http://a"};
  flags.trace = "t.jsonl";
  REQUIRE(policies_of(flags));
  CHECK(*policies_of(flags) == std::vector{policy_kind::kv});

  flags.policies = {"kv_replicas"};
  CHECK_THAT(policies_of(flags).error().message, Contains("--router"));
  flags.routers.emplace_back("http://b");
  CHECK(policies_of(flags));

  flags.policies = {"predict"};
  CHECK_THAT(policies_of(flags).error().message, Contains("--predict-router"));
  flags.predict_router = "http://c";
  CHECK(policies_of(flags));
}

TEST_CASE("members_from_json gives no rank of a pool for prompts") {
  const auto members = members_from_json(
      R"({"workers":[{"worker_id":1,"endpoint":"http://a","blocks":0,
          "discovered":true,"state":"in_sync","pool":"prefill",
          "ranks":[{"dp_rank":0}]}]})");
  REQUIRE(members);
  CHECK(members->ranks.empty());
  CHECK(members->endpoints.size() == 1);
}
