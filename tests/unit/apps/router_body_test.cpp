#include "apps/router/route_body.hpp"
#include "dynamo/router/block_hash.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <utility>

#include "support/catch.hpp"

using namespace dynamo;
using namespace dynamo::apps;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr route_limits limits{4, 2};

result<route_request> request_from(const json& body) {
  return route_request_from(body.dump(), limits);
}

/// A good body with one member changed.
json with(const std::string& member, json value) {
  json body{{"request_id", "a"}, {"tokens", {1, 2, 3, 4, 5}}};
  body[member] = std::move(value);
  return body;
}

} // namespace

TEST_CASE("a request needs an id and a prompt, all else has a default") {
  const auto request =
      request_from({{"request_id", "a"}, {"tokens", {1, 2, 3, 4, 5}}});
  REQUIRE(request);
  CHECK(request->request_id == "a");
  CHECK(request->prompt_tokens == 5);
  CHECK(request->local.size() == 1);
  CHECK(request->mode == booking_mode::book);
  CHECK(request->overrides == cost_overrides{});
  CHECK_FALSE(request->explain);
  CHECK_FALSE(request->pinned_worker);
  CHECK_FALSE(request_from({{"tokens", {1}}}));
  CHECK_FALSE(request_from({{"request_id", "a"}}));
}

TEST_CASE("a request says everything that a router can be told") {
  const auto request =
      request_from({{"request_id", "a"},
                    {"tokens", {1, 2, 3, 4}},
                    {"lora_name", "adapter"},
                    {"cache_salt", "tenant"},
                    {"expected_output_tokens", 64},
                    {"priority", -1.5},
                    {"strict_priority", 3},
                    {"overrides",
                     {{"overlap_score_credit", 0.5},
                      {"overlap_score_credit_decay", 1},
                      {"prefill_load_scale", 2},
                      {"temperature", 0.1},
                      {"shared_cache_multiplier", 0.25},
                      {"assume_kv_reuse", false},
                      {"track_prefill_tokens", true}}},
                    {"worker_id", 7},
                    {"dp_rank", 1},
                    {"allowed_worker_ids", {7, 8}},
                    {"required_taints", {"fast"}},
                    {"preferred_taints", {{"near", 0.5}, {"spot", -1}}},
                    {"shared_blocks", 1},
                    {"expected_prefill_ms", 2.5},
                    {"only_ask", true}});
  REQUIRE(request);
  block_hash_options named;
  named.lora_name = "adapter";
  named.cache_namespace = "tenant";
  CHECK(request->local ==
        local_block_hashes(std::vector<std::uint32_t>{1, 2, 3, 4}, 4, named));
  CHECK(request->lora_name == "adapter");
  CHECK(request->expected_output_tokens == 64);
  CHECK(request->priority == -1.5);
  CHECK(request->strict_priority == 3);
  CHECK(request->overrides ==
        cost_overrides{0.5, 1.0, 2.0, 0.1, 0.25, false, true});
  CHECK(request->pinned_worker == 7);
  CHECK(request->pinned_rank == 1);
  CHECK(request->allowed_workers == std::vector<std::uint64_t>{7, 8});
  CHECK(request->required_taints == std::vector<std::string>{"fast"});
  CHECK(
      request->preferred_taints ==
      std::vector<std::pair<std::string, double>>{{"near", 0.5}, {"spot", -1}});
  CHECK(request->shared_blocks == 1);
  CHECK(request->expected_prefill_duration == 2500us);
  CHECK(request->mode == booking_mode::only_ask);
}

TEST_CASE("a wrong member is refused by its name") {
  struct row {
    const char* member;
    json value;
    const char* starts;
  };
  const row rows[] = {
      {"request", "a", "request: unknown member"},
      {"request_id", "", "request_id: expected a text"},
      {"tokens", "1", "tokens: expected an array"},
      {"lora_name", "", "lora_name: expected a text"},
      {"expected_output_tokens", 4294967296, "expected_output_tokens:"},
      {"priority", "high", "priority: expected a number"},
      {"priority", 1e7, "priority: expected a number"},
      {"strict_priority", -1, "strict_priority: expected an integer"},
      {"overrides", 1, "overrides: expected an object"},
      {"overrides", {{"credit", 1}}, "overrides: credit: unknown member"},
      {"overrides", {{"temperature", -1}}, "overrides: temperature: expected"},
      {"overrides", {{"assume_kv_reuse", 1}}, "overrides: assume_kv_reuse:"},
      {"dp_rank", 0, "dp_rank: expected with worker_id"},
      {"allowed_worker_ids", json::array(), "allowed_worker_ids: expected at"},
      {"allowed_worker_ids", {"a"}, "allowed_worker_ids[0]: expected"},
      {"required_taints", {1}, "required_taints[0]: expected"},
      {"preferred_taints", {{"a", "b"}}, "preferred_taints.a: expected"},
      {"shared_blocks", 1.5, "shared_blocks: expected an integer"},
      {"expected_prefill_ms", -1, "expected_prefill_ms: expected a number"},
      {"only_ask", nullptr, "only_ask: expected true or false"},
  };
  for (const row& each : rows) {
    CAPTURE(each.member, each.value);
    const auto request = request_from(with(each.member, each.value));
    REQUIRE_FALSE(request);
    CHECK_THAT(request.error().message,
               Catch::Matchers::StartsWith(each.starts));
  }
}

TEST_CASE("whatever a client can make long has a limit") {
  const std::vector<std::uint64_t> many_workers(allowed_workers_max + 1, 7);
  const std::vector<std::string> many_taints(taints_max + 1, "a");
  const json rows[] = {
      with("request_id", std::string(request_id_bytes_max + 1, 'a')),
      with("tokens", std::vector<int>(12, 1)),
      with("lora_name", std::string(257, 'a')),
      with("cache_salt", std::string(257, 'a')),
      with("allowed_worker_ids", many_workers),
      with("required_taints", many_taints),
      with("required_taints", {std::string(taint_bytes_max + 1, 'a')}),
  };
  for (const json& body : rows) {
    const auto request = request_from(body);
    REQUIRE_FALSE(request);
    CAPTURE(request.error().message);
    CHECK(request.error().code == errc::too_large);
  }
  CHECK(request_from(with("request_id", std::string(512, 'a'))));
  CHECK(request_from(with("tokens", std::vector<int>(11, 1))));
}

TEST_CASE("a question about overlap has block hashes and nothing else") {
  CHECK(
      *overlap_hashes_from(R"({"block_hashes":[1,18446744073709551615]})", 2) ==
      std::vector<std::uint64_t>{1, 18446744073709551615U});
  CHECK(overlap_hashes_from(R"({"block_hashes":[1,2,3]})", 2).error().code ==
        errc::too_large);
  CHECK_FALSE(overlap_hashes_from(R"({"block_hashes":[1],"tokens":[1]})", 2));
  CHECK_FALSE(overlap_hashes_from(R"({})", 2));
  CHECK_FALSE(overlap_hashes_from("", 2));
}

TEST_CASE("an output block may say how far the request has come") {
  CHECK_FALSE(*progress_from(""));
  CHECK_FALSE(*progress_from("{}"));
  CHECK(**progress_from(R"({"progress":0.25})") == 0.25);
  CHECK_FALSE(progress_from(R"({"progress":1.5})"));
  CHECK_FALSE(progress_from(R"({"progres":0.5})"));
  CHECK_FALSE(progress_from("[]"));
}

TEST_CASE("a request without a body may have an empty object") {
  CHECK(expect_no_members(""));
  CHECK(expect_no_members("{}"));
  CHECK_FALSE(expect_no_members(R"({"a":1})"));
  CHECK_FALSE(expect_no_members("null"));
}

TEST_CASE("a query says what it wants in one way only") {
  CHECK(*explain_from({{"explain", "1"}}));
  CHECK_FALSE(*explain_from({{"explain", "0"}}));
  CHECK_FALSE(*explain_from({}));
  CHECK_FALSE(explain_from({{"explain", "yes"}}));
  CHECK(*limit_from({}, 10, 100) == 10);
  CHECK(*limit_from({{"limit", "0"}}, 10, 100) == 0);
  CHECK(*limit_from({{"limit", "100"}}, 10, 100) == 100);
  for (const char* wrong : {"", "101", "-1", "1.0", "a", "1 ", "1e1"}) {
    CAPTURE(wrong);
    CHECK_FALSE(limit_from({{"limit", wrong}}, 10, 100));
  }
}
