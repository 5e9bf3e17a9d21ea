#include <chrono>

#include "unit/router/router_events.hpp"

using namespace dynamo;
using namespace dynamo::testing;
using namespace std::chrono_literals;

namespace {

/// One worker that takes 100 tokens a batch, and requests wait beyond that.
kv_router busy_router(queue_policy policy = queue_policy::fcfs,
                      std::size_t requests_max = 4096) {
  router_options options;
  options.queue.threshold = 1;
  options.queue.policy = policy;
  options.queue.requests_max = requests_max;
  kv_router router = make_router(options);
  worker_profile profile;
  profile.capacity.max_num_batched_tokens = 100;
  REQUIRE(router.add_worker(1, profile));
  route_request first = request("first", {});
  first.prompt_tokens = 101;
  choose(router, first);
  return router;
}

bool parks(kv_router& router, route_request request,
           clock::time_point now = start) {
  return std::holds_alternative<route_parked>(
      router.route(std::move(request), now, 0));
}

std::vector<std::string> released(kv_router& router,
                                  clock::time_point now = start) {
  std::vector<std::string> ids;
  for (const released_request& one : router.release(now, [] { return 0.0; })) {
    ids.push_back(one.request_id);
    if (const auto* why = std::get_if<route_refusal>(&one.outcome))
      ids.back() += ":" + std::string{to_string(why->why)};
  }
  return ids;
}

route_request sized(std::string id, std::uint64_t tokens) {
  route_request made = request(std::move(id), {});
  made.prompt_tokens = tokens;
  return made;
}

} // namespace

TEST_CASE("a request waits while every rank is busy, and goes on when one "
          "is not") {
  kv_router router = busy_router();
  CHECK(parks(router, request("a", prompt)));
  CHECK(router.parked() == 1);
  CHECK(released(router).empty());
  CHECK(router.mark_prefill_completed("first", start + 2s));
  const auto done = router.release(start + 2s, [] { return 0.0; });
  REQUIRE(done.size() == 1);
  const auto& choice = std::get<route_choice>(done.front().outcome);
  CHECK(choice.rank == one);
  CHECK(choice.waited == 2s);
  CHECK(router.parked() == 0);
  CHECK(router.requests() == 2);
}

TEST_CASE("a threshold is not reached by what equals it") {
  router_options options;
  options.queue.threshold = 1;
  kv_router router = make_router(options);
  worker_profile profile;
  profile.capacity.max_num_batched_tokens = 100;
  REQUIRE(router.add_worker(1, profile));
  choose(router, sized("a", 100));
  choose(router, sized("b", 1));
  CHECK(parks(router, sized("c", 1)));
}

TEST_CASE("without a known batch size requests hardly ever wait") {
  router_options options;
  options.queue.threshold = 1;
  kv_router router = with_two_workers(options);
  choose(router, sized("a", 9'000'000));
  choose(router, sized("b", 9'000'000));
  choose(router, sized("c", 2'000'000));
  choose(router, sized("d", 2'000'000));
  CHECK(parks(router, sized("e", 1)));
}

TEST_CASE("parked requests go on in the order of the policy") {
  const auto policy =
      GENERATE(queue_policy::fcfs, queue_policy::lcfs, queue_policy::wspt);
  kv_router router = busy_router(policy);
  CHECK(parks(router, sized("long", 20)));
  CHECK(parks(router, sized("short", 10)));
  CHECK(parks(router, sized("medium", 15)));
  route_request urgent = sized("urgent", 30);
  urgent.strict_priority = 1;
  CHECK(parks(router, urgent));
  router.free("first", start);
  const auto order = released(router);
  const std::vector<std::string> expected =
      policy == queue_policy::fcfs
          ? std::vector<std::string>{"urgent", "long", "short", "medium"}
      : policy == queue_policy::lcfs
          ? std::vector<std::string>{"urgent", "medium", "short", "long"}
          : std::vector<std::string>{"urgent", "short", "medium", "long"};
  CHECK(order == expected);
}

TEST_CASE("only as many go on as there is room for") {
  kv_router router = busy_router();
  CHECK(parks(router, sized("a", 101)));
  CHECK(parks(router, sized("b", 101)));
  router.free("first", start);
  CHECK(released(router) == std::vector<std::string>{"a"});
  router.free("a", start);
  CHECK(released(router) == std::vector<std::string>{"b"});
}

TEST_CASE("a full queue refuses") {
  kv_router router = busy_router(queue_policy::fcfs, 1);
  CHECK(parks(router, sized("a", 1)));
  CHECK(refused(router, sized("b", 1)) == refusal::queue_full);
}

TEST_CASE("an id that waits already is refused") {
  kv_router router = busy_router();
  CHECK(parks(router, sized("a", 1)));
  CHECK(refused(router, sized("a", 1)) == refusal::duplicate);
  CHECK(router.parked() == 1);
}

TEST_CASE("a parked request that is freed is cancelled") {
  kv_router router = busy_router();
  CHECK(parks(router, sized("a", 1)));
  CHECK(router.free("a", start));
  CHECK(released(router) == std::vector<std::string>{"a:cancelled"});
  CHECK(router.parked() == 0);
  CHECK_FALSE(router.free("a", start));
}

TEST_CASE("a request does not wait for ever") {
  kv_router router = busy_router();
  CHECK(parks(router, sized("a", 1)));
  CHECK(released(router, start + 59s).empty());
  CHECK(released(router, start + 60s) ==
        std::vector<std::string>{"a:timed_out"});
}

TEST_CASE("a worker that joins takes what waits") {
  kv_router router = busy_router();
  CHECK(parks(router, sized("a", 1)));
  REQUIRE(add_worker(router, 2, 0, 1));
  CHECK(released(router) == std::vector<std::string>{"a"});
}

TEST_CASE("what waits is refused when its last worker left") {
  kv_router router = busy_router();
  CHECK(parks(router, sized("a", 1)));
  router.remove_worker(1);
  CHECK(released(router) == std::vector<std::string>{"a:no_worker"});
}

TEST_CASE("a pinned request and one that only asks do not wait") {
  kv_router router = busy_router();
  route_request pinned = sized("a", 1);
  pinned.pinned_worker = 1;
  choose(router, pinned);
  route_request asking = sized("b", 1);
  asking.mode = booking_mode::only_ask;
  choose(router, asking);
}
