#include "dynamo/base/inbox.hpp"

#include <array>
#include <memory>
#include <string>
#include <thread>

#include "support/catch.hpp"

using namespace dynamo;

namespace {

inbox_limits limits_of(std::size_t items_max, std::size_t bytes_max,
                       overflow_policy policy) {
  return {items_max, bytes_max, policy};
}

template <class T>
std::vector<inbox_item<T>> drain_all(inbox<T>& queue) {
  std::vector<inbox_item<T>> items;
  queue.drain(items, 1'000'000);
  return items;
}

} // namespace

TEST_CASE("several that are pushed together are treated as one after the "
          "other") {
  const auto size_of = [](int value) {
    return static_cast<std::size_t>(value);
  };
  SECTION("the newest are dropped when it is full") {
    inbox<int> queue{limits_of(10, 6, overflow_policy::drop_newest)};
    std::vector<int> values{1, 2, 4, 3, 1};
    const auto first = queue.push_all(values, size_of);
    CHECK(first.count == 3);
    CHECK(first.bytes == 6);
    CHECK(first.dropped == 2);
    CHECK(first.is_first);
    values = {1};
    CHECK(queue.push_all(values, size_of).dropped == 1);
    const auto all = drain_all(queue);
    REQUIRE(all.size() == 3);
    CHECK(all[2].value == 3);
    CHECK(all[2].dropped_before == 1);
    values = {2};
    CHECK(queue.push_all(values, size_of).is_first);
    CHECK(drain_all(queue).front().dropped_before == 2);
  }
  SECTION("the oldest are, which count as dropped of the inbox") {
    inbox<int> queue{limits_of(2, 100, overflow_policy::drop_oldest)};
    std::vector<int> values{1, 2, 3};
    const auto pushed = queue.push_all(values, size_of);
    CHECK(pushed.count == 3);
    CHECK(pushed.dropped == 0);
    CHECK(queue.counts().dropped == 1);
    CHECK(drain_all(queue).front().dropped_before == 1);
  }
  SECTION("nobody is woken for nothing") {
    inbox<int> queue{limits_of(2, 2, overflow_policy::drop_newest)};
    std::vector<int> values{3};
    CHECK_FALSE(queue.push_all(values, size_of).is_first);
    values = {1, 1};
    CHECK(queue.push_all(values, size_of).is_first);
    values = {};
    CHECK_FALSE(queue.push_all(values, size_of).is_first);
  }
}

TEST_CASE("inbox gives items back in the order they came") {
  inbox<int> queue{{}};
  for (int i = 0; i < 5; ++i) {
    queue.push(i, 1);
  }
  const auto items = drain_all(queue);
  REQUIRE(items.size() == 5);
  for (int i = 0; i < 5; ++i) {
    CHECK(items[static_cast<std::size_t>(i)].value == i);
    CHECK(items[static_cast<std::size_t>(i)].dropped_before == 0);
  }
}

TEST_CASE("inbox asks for a wake-up only when its consumer sleeps") {
  inbox<int> queue{{}};
  CHECK(queue.push(1, 1) == push_outcome::queued_first);
  CHECK(queue.push(2, 1) == push_outcome::queued);
  drain_all(queue);
  CHECK(queue.push(3, 1) == push_outcome::queued_first);
}

TEST_CASE("inbox keeps its consumer awake after a drain that took its fill") {
  inbox<int> queue{{}};
  queue.push(1, 1);
  queue.push(2, 1);
  std::vector<inbox_item<int>> items;

  CHECK(queue.drain(items, 2) == 2);
  CHECK(queue.push(3, 1) == push_outcome::queued);

  CHECK(queue.drain(items, 2) == 1);
  CHECK(queue.push(4, 1) == push_outcome::queued_first);
}

TEST_CASE("inbox appends what it drains") {
  inbox<int> queue{{}};
  std::vector<inbox_item<int>> items;
  queue.push(1, 1);
  queue.drain(items, 10);
  queue.push(2, 1);
  queue.drain(items, 10);
  REQUIRE(items.size() == 2);
  CHECK(items[1].value == 2);
}

TEST_CASE("drop_newest refuses the item that comes and marks the next one") {
  inbox<int> queue{limits_of(2, 100, overflow_policy::drop_newest)};
  queue.push(1, 1);
  queue.push(2, 1);
  CHECK(queue.push(3, 1) == push_outcome::dropped);
  CHECK(queue.push(4, 1) == push_outcome::dropped);
  std::vector<inbox_item<int>> items;
  queue.drain(items, 1);
  queue.push(5, 1);
  queue.drain(items, 10);

  REQUIRE(items.size() == 3);
  CHECK(items[0].dropped_before == 0);
  CHECK(items[1].dropped_before == 0);
  CHECK(items[2].value == 5);
  CHECK(items[2].dropped_before == 2);
}

TEST_CASE("drop_oldest makes room and marks the item that is now oldest") {
  inbox<int> queue{limits_of(2, 100, overflow_policy::drop_oldest)};
  queue.push(1, 1);
  queue.push(2, 1);
  CHECK(queue.push(3, 1) == push_outcome::queued);
  CHECK(queue.push(4, 1) == push_outcome::queued);

  const auto items = drain_all(queue);
  REQUIRE(items.size() == 2);
  CHECK(items[0].value == 3);
  CHECK(items[0].dropped_before == 2);
  CHECK(items[1].value == 4);
  CHECK(items[1].dropped_before == 0);
}

TEST_CASE("drop_oldest keeps a loss in place when it evicts every item") {
  inbox<int> queue{limits_of(10, 10, overflow_policy::drop_oldest)};
  queue.push(1, 5);
  queue.push(2, 5);
  CHECK(queue.push(3, 10) == push_outcome::queued);

  const auto items = drain_all(queue);
  REQUIRE(items.size() == 1);
  CHECK(items[0].value == 3);
  CHECK(items[0].dropped_before == 2);
}

TEST_CASE("inbox adds up the losses of an item that is lost itself") {
  inbox<int> queue{limits_of(2, 100, overflow_policy::drop_oldest)};
  for (int i = 0; i < 10; ++i) {
    queue.push(i, 1);
  }
  const auto items = drain_all(queue);
  REQUIRE(items.size() == 2);
  CHECK(items[0].dropped_before == 8);
}

TEST_CASE("inbox counts bytes against its limit and frees them on drain") {
  inbox<int> queue{limits_of(100, 10, overflow_policy::drop_newest)};
  queue.push(1, 6);
  CHECK(queue.push(2, 5) == push_outcome::dropped);
  CHECK(queue.push(3, 4) == push_outcome::queued);
  CHECK(queue.counts().bytes == 10);

  drain_all(queue);
  CHECK(queue.counts().bytes == 0);
  CHECK(queue.push(4, 10) == push_outcome::queued_first);
}

TEST_CASE("an item beyond the byte limit never fits and evicts nothing") {
  const auto policy =
      GENERATE(overflow_policy::drop_newest, overflow_policy::drop_oldest);
  inbox<int> queue{limits_of(100, 10, policy)};
  queue.push(1, 1);
  CHECK(queue.push(2, 11) == push_outcome::dropped);
  CHECK(queue.counts().depth == 1);
}

TEST_CASE("an inbox without room for a single item drops everything") {
  const auto policy =
      GENERATE(overflow_policy::drop_newest, overflow_policy::drop_oldest);
  inbox<int> queue{limits_of(0, 10, policy)};
  CHECK(queue.push(1, 1) == push_outcome::dropped);
  CHECK(queue.counts().dropped == 1);
}

TEST_CASE("inbox counts what came, went, waits and was lost") {
  inbox<int> queue{limits_of(3, 100, overflow_policy::drop_oldest)};
  for (int i = 0; i < 5; ++i) {
    queue.push(i, 2);
  }
  std::vector<inbox_item<int>> items;
  queue.drain(items, 1);

  const inbox_counts counts = queue.counts();
  CHECK(counts.pushed == 5);
  CHECK(counts.dropped == 2);
  CHECK(counts.drained == 1);
  CHECK(counts.depth == 2);
  CHECK(counts.depth_max == 3);
  CHECK(counts.bytes == 4);
}

TEST_CASE("inbox moves items that cannot be copied") {
  inbox<std::unique_ptr<std::string>> queue{{}};
  queue.push(std::make_unique<std::string>("one"), 3);
  const auto items = drain_all(queue);
  REQUIRE(items.size() == 1);
  CHECK(*items[0].value == "one");
}

// Four producers and one consumer that drains while they push. Every item is
// either drained or counted as lost, a producer's items keep their order, and
// the losses that the items tell add up to the counter.
TEST_CASE("inbox loses nothing uncounted between threads") {
  const auto policy =
      GENERATE(overflow_policy::drop_newest, overflow_policy::drop_oldest);
  constexpr std::size_t producers = 4;
  constexpr std::uint64_t items_each = 20'000;
  inbox<std::uint64_t> queue{limits_of(64, 1'000'000, policy)};

  std::vector<std::thread> threads;
  for (std::uint64_t producer = 0; producer < producers; ++producer) {
    threads.emplace_back([&queue, producer] {
      for (std::uint64_t i = 0; i < items_each; ++i) {
        queue.push(producer << 32 | i, 8);
      }
    });
  }

  std::vector<inbox_item<std::uint64_t>> items;
  std::array<std::int64_t, producers> last{-1, -1, -1, -1};
  std::uint64_t drained = 0;
  std::uint64_t told = 0;
  bool ordered = true;
  const auto take = [&] {
    items.clear();
    const std::size_t count = queue.drain(items, 32);
    for (const auto& item : items) {
      const auto number = static_cast<std::int64_t>(item.value & 0xffffffff);
      ordered = ordered && number > last[item.value >> 32];
      last[item.value >> 32] = number;
      told += item.dropped_before;
    }
    drained += count;
    return count;
  };
  while (true) {
    const inbox_counts counts = queue.counts();
    const bool all_came =
        policy == overflow_policy::drop_newest
            ? counts.pushed + counts.dropped == producers * items_each
            : counts.pushed == producers * items_each;
    if (take() == 0 && all_came) {
      break;
    }
  }
  for (std::thread& thread : threads) {
    thread.join();
  }

  const inbox_counts counts = queue.counts();
  CHECK(ordered);
  CHECK(drained + counts.dropped == producers * items_each);
  CHECK(counts.drained == drained);
  CHECK(counts.depth == 0);
  CHECK(counts.bytes == 0);
  CHECK(told <= counts.dropped);

  // What was lost after the last item stands before the next one.
  queue.push(0, 8);
  take();
  CHECK(told == counts.dropped);
}

TEST_CASE("a consumer that drains only when woken misses no item") {
  constexpr std::uint64_t items_count = 20'000;
  inbox<std::uint64_t> queue{
      limits_of(100'000, 1'000'000, overflow_policy::drop_newest)};
  mutex guarded;
  condition woken;
  int wakes = 0;

  std::thread producer{[&] {
    for (std::uint64_t i = 0; i < items_count; ++i) {
      if (queue.push(i, 8) == push_outcome::queued_first) {
        const lock_guard guard{guarded};
        ++wakes;
        woken.notify_one();
      }
    }
  }};

  std::uint64_t drained = 0;
  bool late = false;
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (drained < items_count && !late) {
    {
      const lock_guard guard{guarded};
      while (wakes == 0 && !late) {
        late = woken.wait_until(guarded, deadline) == std::cv_status::timeout;
      }
      wakes = 0;
    }
    std::vector<inbox_item<std::uint64_t>> items;
    std::size_t count = 0;
    do {
      count = queue.drain(items, 256);
      drained += count;
    } while (count == 256);
  }
  producer.join();
  CHECK_FALSE(late);
  CHECK(drained == items_count);
}

TEST_CASE("inbox leaves a value that it drops as it was") {
  inbox<std::string> queue{limits_of(1, 1000, overflow_policy::drop_newest)};
  std::string value(100, 'x');
  queue.push(std::string{"first"}, 1);
  CHECK(queue.push(std::move(value), 1) == push_outcome::dropped);
  CHECK(value == std::string(100, 'x'));
  drain_all(queue);
  CHECK(queue.push(std::move(value), 1) == push_outcome::queued_first);
  CHECK(drain_all(queue).front().value == std::string(100, 'x'));
}
