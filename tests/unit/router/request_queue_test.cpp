#include "dynamo/router/request_queue.hpp"

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace std::chrono_literals;
using dynamo::queue_key;
using dynamo::queue_policy;
using dynamo::request_queue;

namespace {

using time_point = dynamo::clock::time_point;
using texts = std::vector<std::string>;

constexpr time_point start{};

dynamo::queue_options with(queue_policy policy) {
  return {.policy = policy};
}

texts drain(request_queue& queue) {
  texts order;
  while (const auto next = queue.next()) {
    order.emplace_back(*next);
    queue.release_next();
  }
  return order;
}

/// What the queue is compared with: every request in a row, looked through
/// from end to end.
struct naive_queue {
  struct request {
    std::string id;
    queue_key key;
    int arrival = 0;
    time_point since;
  };

  queue_policy policy;
  std::vector<request> waiting;

  bool precedes(const request& a, const request& b) const {
    if (a.key.strict_priority != b.key.strict_priority)
      return a.key.strict_priority > b.key.strict_priority;
    if (policy == queue_policy::lcfs)
      return a.arrival > b.arrival;
    if (policy == queue_policy::wspt && weight(a) != weight(b))
      return weight(a) > weight(b);
    return a.arrival < b.arrival;
  }

  static double weight(const request& r) {
    const auto tokens = std::max<std::uint64_t>(1, r.key.uncached_tokens);
    return (1 + r.key.priority) / static_cast<double>(tokens);
  }

  std::string take_next() {
    const auto at = std::min_element(
        waiting.begin(), waiting.end(),
        [this](const auto& a, const auto& b) { return precedes(a, b); });
    const std::string id = at->id;
    waiting.erase(at);
    return id;
  }

  bool cancel(const std::string& id) {
    return std::erase_if(waiting, [&](const auto& r) { return r.id == id; }) >
           0;
  }

  texts take_timed_out(time_point now, dynamo::clock::duration wait_max) {
    texts ids;
    for (const auto& r : waiting) {
      if (now - r.since >= wait_max)
        ids.push_back(r.id);
    }
    std::erase_if(waiting,
                  [&](const auto& r) { return now - r.since >= wait_max; });
    return ids;
  }
};

} // namespace

TEST_CASE("fcfs lets the request go on that was parked first") {
  request_queue queue{with(queue_policy::fcfs)};
  CHECK(queue.park("a", {.priority = 1, .uncached_tokens = 100}, start));
  CHECK(queue.park("b", {.priority = 9, .uncached_tokens = 1}, start));
  CHECK(queue.park("c", {}, start));
  CHECK(drain(queue) == texts{"a", "b", "c"});
}

TEST_CASE("fcfs is the default policy") {
  CHECK(dynamo::queue_options{}.policy == queue_policy::fcfs);
  CHECK(dynamo::queue_options{}.threshold == 0);
}

TEST_CASE("lcfs lets the request go on that was parked last") {
  request_queue queue{with(queue_policy::lcfs)};
  queue.park("a", {}, start);
  queue.park("b", {.priority = 9}, start);
  queue.park("c", {}, start);
  CHECK(drain(queue) == texts{"c", "b", "a"});
}

TEST_CASE("wspt lets the highest (1 + priority) / uncached tokens go on") {
  request_queue queue{with(queue_policy::wspt)};
  queue.park("long", {.priority = 0, .uncached_tokens = 1000}, start);
  queue.park("short", {.priority = 0, .uncached_tokens = 10}, start);
  queue.park("dear", {.priority = 499, .uncached_tokens = 1000}, start);
  CHECK(drain(queue) == texts{"dear", "short", "long"});
}

TEST_CASE("wspt takes no uncached tokens for one") {
  request_queue queue{with(queue_policy::wspt)};
  queue.park("one", {.priority = 0, .uncached_tokens = 1}, start);
  queue.park("none", {.priority = 0, .uncached_tokens = 0}, start);
  queue.park("two", {.priority = 1, .uncached_tokens = 2}, start);
  CHECK(drain(queue) == texts{"one", "none", "two"});
}

TEST_CASE("wspt serves equal weights in the order of their arrival") {
  request_queue queue{with(queue_policy::wspt)};
  for (const char* id : {"c", "a", "b"})
    queue.park(id, {.priority = 1, .uncached_tokens = 64}, start);
  CHECK(drain(queue) == texts{"c", "a", "b"});
}

TEST_CASE("a priority that is no number does not upset the order") {
  request_queue queue{with(queue_policy::wspt)};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  queue.park("a", {.priority = nan, .uncached_tokens = 1}, start);
  queue.park("b", {.priority = 1, .uncached_tokens = 1}, start);
  queue.park("c", {.priority = nan, .uncached_tokens = 5}, start);
  CHECK(drain(queue) == texts{"b", "a", "c"});
}

TEST_CASE("a higher strict priority goes first under every policy") {
  for (const auto policy :
       {queue_policy::fcfs, queue_policy::lcfs, queue_policy::wspt}) {
    request_queue queue{with(policy)};
    queue.park("low", {.strict_priority = 0, .priority = 100}, start);
    queue.park("high", {.strict_priority = 2, .uncached_tokens = 9999}, start);
    queue.park("middle", {.strict_priority = 1, .priority = 1}, start);
    CHECK(drain(queue) == texts{"high", "middle", "low"});
  }
}

TEST_CASE("a full queue refuses, and takes again when one has left") {
  request_queue queue{{.requests_max = 2}};
  CHECK(queue.park("a", {}, start));
  CHECK(queue.park("b", {}, start));
  CHECK_FALSE(queue.park("c", {.strict_priority = 9}, start));
  CHECK(queue.counts().refused == 1);
  queue.release_next();
  CHECK(queue.park("c", {}, start));
  CHECK(queue.size() == 2);
}

TEST_CASE("an id that waits already is refused and keeps its place") {
  request_queue queue{with(queue_policy::fcfs)};
  queue.park("a", {}, start);
  queue.park("b", {}, start);
  CHECK_FALSE(queue.park("a", {.strict_priority = 9}, start));
  CHECK(drain(queue) == texts{"a", "b"});
}

TEST_CASE("a request times out after wait_max, whatever its priority") {
  request_queue queue{{.wait_max = 100ms}};
  queue.park("a", {.strict_priority = 9}, start);
  queue.park("b", {}, start + 50ms);
  CHECK(queue.next_timeout() == start + 100ms);
  CHECK(queue.take_timed_out(start + 99ms).empty());
  CHECK(queue.take_timed_out(start + 100ms) == texts{"a"});
  CHECK(queue.next_timeout() == start + 150ms);
  CHECK(queue.take_timed_out(start + 1000ms) == texts{"b"});
  CHECK(queue.counts().timed_out == 2);
  CHECK_FALSE(queue.next_timeout());
}

TEST_CASE("the first one to time out is not the first one to go on") {
  request_queue queue{{.policy = queue_policy::lcfs, .wait_max = 100ms}};
  queue.park("a", {}, start);
  queue.park("b", {}, start + 1ms);
  CHECK(queue.take_timed_out(start + 100ms) == texts{"a"});
  CHECK(drain(queue) == texts{"b"});
}

TEST_CASE("a cancelled request is gone, and its id free again") {
  request_queue queue{with(queue_policy::fcfs)};
  queue.park("a", {}, start);
  queue.park("b", {}, start);
  CHECK(queue.contains("a"));
  CHECK(queue.cancel("a"));
  CHECK_FALSE(queue.cancel("a"));
  CHECK_FALSE(queue.contains("a"));
  CHECK(queue.park("a", {}, start));
  CHECK(drain(queue) == texts{"b", "a"});
}

TEST_CASE("an empty queue has no next, and nothing to take off") {
  request_queue queue{{}};
  CHECK_FALSE(queue.next());
  queue.release_next();
  CHECK_FALSE(queue.cancel("a"));
  CHECK(queue.take_timed_out(start + 1h).empty());
  CHECK(queue.counts().released == 0);
}

TEST_CASE("every request is counted once where it ended") {
  request_queue queue{{.requests_max = 4, .wait_max = 100ms}};
  for (const char* id : {"a", "b", "c", "d", "e"})
    queue.park(id, {}, start);
  queue.release_next();
  queue.cancel("c");
  queue.take_timed_out(start + 1s);
  const auto& counts = queue.counts();
  CHECK(counts.parked == 4);
  CHECK(counts.refused == 1);
  CHECK(counts.released == 1);
  CHECK(counts.cancelled == 1);
  CHECK(counts.timed_out == 2);
  CHECK(queue.size() == 0);
}

TEST_CASE("the queue equals a naive one over random calls") {
  constexpr auto wait_max = 500ms;
  for (const auto policy :
       {queue_policy::fcfs, queue_policy::lcfs, queue_policy::wspt}) {
    std::mt19937 random{5};
    request_queue queue{
        {.policy = policy, .requests_max = 60, .wait_max = wait_max}};
    naive_queue naive{policy, {}};
    time_point now = start;
    for (int step = 0; step < 20'000; ++step) {
      now += std::chrono::milliseconds{random() % 20};
      const std::string id = std::to_string(random() % 200);
      const auto waits = [&](const auto& r) { return r.id == id; };
      if (random() % 3 != 0) {
        const queue_key key{.strict_priority =
                                static_cast<std::uint32_t>(random() % 3),
                            .priority = static_cast<double>(random() % 4),
                            .uncached_tokens = random() % 6};
        const bool taken =
            naive.waiting.size() < 60 &&
            std::none_of(naive.waiting.begin(), naive.waiting.end(), waits);
        REQUIRE(queue.park(id, key, now) == taken);
        if (taken)
          naive.waiting.push_back({id, key, step, now});
      } else if (random() % 2 == 0) {
        REQUIRE(queue.cancel(id) == naive.cancel(id));
      } else if (queue.next()) {
        const std::string next{*queue.next()};
        queue.release_next();
        REQUIRE(next == naive.take_next());
      }
      REQUIRE(queue.take_timed_out(now) == naive.take_timed_out(now, wait_max));
      REQUIRE(queue.size() == naive.waiting.size());
    }
  }
}
