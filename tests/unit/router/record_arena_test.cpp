#include "dynamo/router/record_arena.hpp"

#include <atomic>
#include <random>
#include <set>
#include <vector>

#include "support/catch.hpp"

using namespace dynamo;

namespace {

struct small_record {
  std::uint64_t value;
  std::atomic<std::uint32_t> link;
};

struct arena_fixture {
  void retire(std::uint32_t id) {
    arena.retire(id);
    arena.end_epoch();
    arena.end_epoch();
  }

  memory_count memory{1 << 30};
  retired_blocks retired{memory};
  record_arena<small_record> arena{retired};
};

} // namespace

TEST_CASE("records that are asked for one after the other lie side by side") {
  arena_fixture with;
  const std::uint32_t first = with.arena.take(no_index);
  std::uint32_t last = first;
  for (int i = 0; i < 500; ++i)
    last = with.arena.take(last + 1);
  CHECK(last == first + 500);
}

TEST_CASE("a record's place is free again two epochs after its end") {
  arena_fixture with;
  const std::uint32_t id = with.arena.take(no_index);
  with.arena.take(id + 1);
  with.arena.retire(id);
  with.arena.end_epoch();
  CHECK(with.arena.take(id) != id);
  CHECK(with.arena.waiting() == 1);
  with.arena.end_epoch();
  CHECK(with.arena.take(id) == id);
}

TEST_CASE("a record_arena never gives one place twice, and all memory back") {
  arena_fixture with;
  std::mt19937_64 random{3};
  std::vector<std::uint32_t> held;
  std::set<std::uint32_t> taken;
  for (int i = 0; i < 40'000; ++i) {
    if (held.empty() || random() % 100 < (i < 20'000 ? 70U : 30U)) {
      const std::uint32_t hint =
          random() % 2 == 0 || held.empty() ? no_index : held.back() + 1;
      const std::uint32_t id = with.arena.take(hint);
      REQUIRE(id != no_index);
      REQUIRE(taken.insert(id).second);
      with.arena[id].value = id;
      held.push_back(id);
      continue;
    }
    std::swap(held[random() % held.size()], held.back());
    REQUIRE(with.arena[held.back()].value == held.back());
    with.retire(held.back());
    taken.erase(held.back());
    held.pop_back();
  }
  CHECK(with.arena.size() == taken.size());
  std::set<std::uint32_t> seen;
  for (std::uint32_t id = with.arena.next_taken(0); id != no_index;
       id = with.arena.next_taken(id + 1))
    seen.insert(id);
  CHECK(seen == taken);
  for (const std::uint32_t id : held)
    with.retire(id);
  CHECK(with.arena.size() == 0);
  // Only the lists are left.
  CHECK(with.memory.used() < 16 * 1024);
}

TEST_CASE("single records without a neighbour do not waste the memory") {
  arena_fixture with;
  for (int i = 0; i < 10'000; ++i)
    with.arena.take(no_index);
  CHECK(with.memory.used() < 10'000 * sizeof(small_record) * 5 / 4);
}

TEST_CASE("a record_arena refuses when its memory is used up") {
  memory_count memory{200'000};
  retired_blocks retired{memory};
  record_arena<small_record> arena{retired};
  std::uint32_t count = 0;
  while (arena.take() != no_index)
    ++count;
  CHECK(count > 5000);
  CHECK(memory.used() <= 200'000);
}
