#include "apps/worker/generate_call.hpp"

#include <string>

#include "support/catch.hpp"

using namespace dynamo;
using namespace dynamo::apps;
using namespace std::chrono_literals;

namespace {

std::string refused(const std::string& body) {
  const auto call = generate_call_from_json(body, 4);
  REQUIRE_FALSE(call);
  return call.error().message;
}

} // namespace

TEST_CASE("a prompt of tokens is hashed as Dynamo hashes it") {
  const auto call = generate_call_from_json(
      R"({"request_id":"a","tokens":[1,2,3,4,5,6,7,8,9,10,11,12,13],
          "output_tokens":5,"dp_rank":2,"stream":true})",
      4);
  REQUIRE(call);
  CHECK(call->request_id == "a");
  CHECK(call->dp_rank == 2U);
  CHECK(call->mode == answer_mode::stream);
  CHECK(call->request.input_tokens == 13);
  CHECK(call->request.output_tokens == 5);
  CHECK(
      call->request.blocks ==
      std::vector<prompt_block>{{14643705804678351452U, 14643705804678351452U},
                                {4945711292740353085U, 16777012769546811212U},
                                {12583592247330656132U, 483935686894639516U}});
}

TEST_CASE("block hashes stand for the tokens they were made of") {
  const auto call = generate_call_from_json(
      R"({"request_id":"a","output_tokens":1,"input_tokens":9,
          "block_hashes":[14643705804678351452,16777012769546811212]})",
      4);
  REQUIRE(call);
  CHECK_FALSE(call->dp_rank);
  CHECK(call->mode == answer_mode::whole);
  CHECK(
      call->request.blocks ==
      std::vector<prompt_block>{{14643705804678351452U, 14643705804678351452U},
                                {4945711292740353085U, 16777012769546811212U}});
}

TEST_CASE("a refusal names the member that is wrong") {
  CHECK(refused("[1").find("JSON object") != std::string::npos);
  CHECK(refused(R"({"tokens":[1],"output_tokens":1})").find("request_id") == 0);
  CHECK(refused(R"({"request_id":"a","output_tokens":1})").find("tokens") == 0);
  CHECK(refused(R"({"request_id":"a","tokens":[1]})").find("output_tokens") ==
        0);
  CHECK(refused(R"({"request_id":"a","tokens":[],"output_tokens":1})")
            .find("tokens") == 0);
  CHECK(refused(R"({"request_id":"a","tokens":[-1],"output_tokens":1})")
            .find("tokens") == 0);
  CHECK(refused(R"({"request_id":"a","tokens":[4294967296],
                    "output_tokens":1})")
            .find("tokens") == 0);
  CHECK(refused(R"({"request_id":"a","block_hashes":[1],"output_tokens":1})")
            .find("input_tokens") == 0);
  CHECK(refused(R"({"request_id":"a","block_hashes":[1,2],"input_tokens":7,
                    "output_tokens":1})")
            .find("block_hashes") == 0);
  CHECK(refused(R"({"request_id":"a","tokens":[1],"output_tokens":1,
                    "dp_rank":-1})")
            .find("dp_rank") == 0);
  CHECK(refused(R"({"request_id":"a","tokens":[1],"output_tokens":1,
                    "stream":1})")
            .find("stream") == 0);
}

TEST_CASE("a call says what else it wants") {
  const auto plain = generate_call_from_json(
      R"({"request_id":"a","tokens":[1],"output_tokens":1})", 4);
  REQUIRE(plain);
  CHECK_FALSE(plain->request.prefilled);
  CHECK_FALSE(plain->request.tells_output_blocks);
  const auto call = generate_call_from_json(
      R"({"request_id":"a","tokens":[1],"output_tokens":1,"prefilled":true,
          "output_blocks":true})",
      4);
  REQUIRE(call);
  CHECK(call->request.prefilled);
  CHECK(call->request.tells_output_blocks);
  CHECK(refused(R"({"request_id":"a","tokens":[1],"output_tokens":1,
                    "prefilled":1})")
            .find("prefilled") == 0);
}

TEST_CASE("answers carry exact ids and simulated milliseconds") {
  const answer_source source{"a", 18446744073709551615U, 3};
  request_progress progress;
  progress.input_blocks = 5;
  progress.cached_blocks = 2;
  progress.queued = 1500us;
  progress.time_to_first_token = 20ms;
  CHECK(to_json(source, progress) ==
        R"({"event":"first_token","request_id":"a",)"
        R"("worker_id":18446744073709551615,"dp_rank":3,"input_blocks":5,)"
        R"("cached_blocks":2,"queued_ms":1.5,"time_to_first_token_ms":20.0})");
  progress.stage = request_stage::output_block;
  progress.output_blocks = 4;
  CHECK(to_json(source, progress).find(R"("output_blocks":4)") !=
        std::string::npos);
  progress.stage = request_stage::done;
  progress.total = 70ms;
  CHECK(to_json(source, progress).find(R"("total_ms":70.0)") !=
        std::string::npos);
}

TEST_CASE("an answer is read in order, its end after its beginning") {
  pending_answer answer;
  request_progress progress;
  answer.tell(progress);
  progress.stage = request_stage::done;
  answer.tell(progress);
  answer.reject(error{errc::closed, "late"});
  CHECK(answer.next()->stage == request_stage::first_token);
  CHECK(answer.next()->stage == request_stage::done);
  CHECK(answer.next().error().code == errc::closed);
}
