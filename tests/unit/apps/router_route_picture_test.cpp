#include "apps/router/route_picture.hpp"

#include <nlohmann/json.hpp>

#include <string>

#include "support/catch.hpp"

using namespace dynamo;
using nlohmann::json;

namespace {

route_choice sample_choice() {
  route_choice choice;
  choice.rank = {7, 1};
  choice.endpoint = "http://10.0.0.1:8100";
  choice.overlap_blocks = 12;
  choice.request_blocks = 14;
  choice.candidates = 4;
  choice.cost.total = 2.5;
  choice.reason = "cheapest of 4 ranks";
  choice.waited = std::chrono::milliseconds{20};
  return choice;
}

candidate_report sample_candidate() {
  candidate_report candidate;
  candidate.rank = {7, 1};
  candidate.input.prompt_tokens = 230;
  candidate.input.request_blocks = 14;
  candidate.input.overlap = {{7, 1}, 12, 13, 13};
  candidate.input.trust = 0.8;
  candidate.input.load.emplace();
  candidate.input.load->active_requests = 3;
  candidate.cost.raw_prefill_blocks = 14.5;
  candidate.cost.credit = 12;
  candidate.cost.total = 2.5;
  return candidate;
}

} // namespace

TEST_CASE("a choice says where, how much is cached, and why") {
  actors::routed where;
  where.choice = sample_choice();
  CHECK(apps::to_json(where, "a") == json{{"request_id", "a"},
                                          {"worker_id", 7},
                                          {"dp_rank", 1},
                                          {"endpoint", "http://10.0.0.1:8100"},
                                          {"overlap_blocks", 12},
                                          {"request_blocks", 14},
                                          {"candidates", 4},
                                          {"cost", 2.5},
                                          {"reason", "cheapest of 4 ranks"},
                                          {"waited_ms", 20},
                                          {"mode", "aggregated"}});
}

TEST_CASE("with two pools both choices are shown, on top the one of decode") {
  actors::routed where;
  where.mode = actors::route_mode::disaggregated;
  where.choice = sample_choice();
  where.prefill = sample_choice();
  where.prefill->rank = {8, 0};
  where.prefill->explanation = {sample_candidate()};
  where.choice.explanation = {sample_candidate(), sample_candidate()};
  const json shown = apps::to_json(where, "a");
  CHECK(shown["mode"] == "disaggregated");
  CHECK(shown["worker_id"] == 7);
  CHECK(shown["decode"]["worker_id"] == 7);
  CHECK(shown["prefill"]["worker_id"] == 8);
  CHECK(shown["prefill"]["explanation"].size() == 1);
  CHECK(shown["decode"]["explanation"].size() == 2);
  CHECK_FALSE(shown.contains("explanation"));
  CHECK_FALSE(shown.contains("fallback"));
}

TEST_CASE("a fallback is named") {
  actors::routed where;
  where.mode = actors::route_mode::decode_only;
  where.fallback = "no prefill worker";
  const json shown = apps::to_json(where, "a");
  CHECK(shown["mode"] == "decode_only");
  CHECK(shown["fallback"] == "no prefill worker");
  CHECK_FALSE(shown.contains("prefill"));
}

TEST_CASE("an explanation has every rank with each term of its cost") {
  actors::routed where;
  where.choice.explanation = {sample_candidate(), {}};
  where.choice.explanation[1].excluded = exclusion::overloaded;
  const json rows = apps::to_json(where, "a")["explanation"];
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["worker_id"] == 7);
  CHECK(rows[0]["excluded"].is_null());
  CHECK(rows[0]["overlap"] == json{{"device", 12}, {"host", 13}, {"disk", 13}});
  CHECK(rows[0]["trust"] == 0.8);
  CHECK(rows[0]["load"]["active_requests"] == 3);
  CHECK(rows[0]["cost"] == json{{"raw_prefill_blocks", 14.5},
                                {"credit", 12.0},
                                {"prefill_blocks", 0.0},
                                {"decode_blocks", 0.0},
                                {"request_blocks", 0.0},
                                {"taint_factor", 1.0},
                                {"total", 2.5}});
  CHECK(rows[1]["excluded"] == "overloaded");
  CHECK(rows[1]["load"].is_null());
}

TEST_CASE("every refusal has a status of its kind and its name as the code") {
  struct row {
    refusal why;
    int status;
    const char* code;
  };
  const row rows[] = {{refusal::no_worker, 503, "no_worker"},
                      {refusal::none_allowed, 409, "none_allowed"},
                      {refusal::overloaded, 529, "overloaded"},
                      {refusal::queue_full, 503, "queue_full"},
                      {refusal::timed_out, 503, "timed_out"},
                      {refusal::cancelled, 409, "cancelled"},
                      {refusal::duplicate, 409, "duplicate"},
                      {refusal::too_large, 413, "too_large"}};
  for (const row& each : rows) {
    CAPTURE(each.code);
    const auto answer = apps::refuse(route_refusal{each.why, "so it is"});
    CHECK(answer.status == each.status);
    CHECK(json::parse(answer.body) ==
          json{{"error", {{"code", each.code}, {"message", "so it is"}}}});
  }
}

TEST_CASE("overlaps are shown rank by rank and tier by tier") {
  CHECK(apps::overlaps_json({{{7, 1}, 4, 5, 6}})["scores"] ==
        json::parse(R"([{"worker_id":7,"dp_rank":1,"device":4,"host":5,
                         "disk":6}])"));
}
