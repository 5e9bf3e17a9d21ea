#include "dynamo/base/chunk_queue.hpp"

#include <memory>
#include <random>

#include "support/catch.hpp"

using namespace dynamo;

namespace {

using numbers = std::vector<std::unique_ptr<int>>;

void push(chunk_queue<std::unique_ptr<int>>& queue, int first, int count) {
  for (int at = 0; at < count; ++at) {
    queue.push_back(std::make_unique<int>(first + at));
  }
}

} // namespace

TEST_CASE("chunk_queue exchanges a chunk for an empty vector") {
  chunk_queue<std::unique_ptr<int>> queue;
  push(queue, 0, 100);
  numbers taken;
  taken.reserve(1000);
  const auto* memory = taken.data();
  queue.take(taken, 100);
  CHECK(taken.size() == 100);
  CHECK(taken.data() != memory);
  CHECK(queue.empty());
  taken.clear();
  // What the taker left is filled now.
  push(queue, 0, 7);
  queue.take(taken, 100);
  REQUIRE(taken.size() == 7);
  CHECK(taken.data() == memory);
}

TEST_CASE("chunk_queue keeps the order however its items are taken") {
  std::minstd_rand random{1};
  const auto below = [&random](int end) {
    return std::uniform_int_distribution{0, end - 1}(random);
  };
  chunk_queue<std::unique_ptr<int>> queue;
  int pushed = 0;
  int taken = 0;
  numbers out;
  for (int round = 0; round < 2000; ++round) {
    const int more = below(700);
    push(queue, pushed, more);
    pushed += more;
    if (below(2) == 0) {
      out.clear();
    }
    const std::size_t before = out.size();
    const auto most = static_cast<std::size_t>(below(900));
    const std::size_t due = std::min(most, queue.size());
    queue.take(out, most);
    REQUIRE(out.size() == before + due);
    for (std::size_t at = before; at < out.size(); ++at) {
      REQUIRE(*out[at] == taken++);
    }
    if (below(3) == 0 && !queue.empty()) {
      REQUIRE(*queue.front() == taken++);
      queue.pop_front();
    }
    REQUIRE(queue.size() == static_cast<std::size_t>(pushed - taken));
    REQUIRE(queue.empty() == (pushed == taken));
  }
}
