#include "dynamo/router/segment_table.hpp"

#include <random>
#include <set>
#include <vector>

#include "support/catch.hpp"

using namespace dynamo;

namespace {

/// Records are places in a list of hashes.
struct listed_keys {
  const std::vector<std::uint64_t>* hashes;

  std::uint64_t hash(std::uint32_t id) const { return (*hashes)[id]; }
  void prefetch(std::uint32_t) const {}
};

/// A table with all that it needs.
struct table_fixture {
  explicit table_fixture(std::uint64_t bytes_max = 1 << 30)
      : memory(bytes_max) {}

  std::uint32_t find(std::uint32_t id) const {
    return table.find(hashes[id],
                      [&](std::uint32_t other) { return other == id; });
  }
  bool insert(std::uint32_t id) { return table.insert(id, {&hashes}); }
  void erase(std::uint32_t id) { table.erase(id, {&hashes}); }

  memory_count memory;
  retired_blocks retired{memory};
  segment_table<listed_keys> table{retired};
  std::vector<std::uint64_t> hashes;
};

} // namespace

TEST_CASE("segment_table equals std::set while it grows and shrinks") {
  table_fixture with;
  std::mt19937_64 random{5};
  for (int i = 0; i < 30'000; ++i)
    with.hashes.push_back(random());
  std::set<std::uint32_t> model;
  for (int phase = 0; phase < 4; ++phase) {
    for (int i = 0; i < 30'000; ++i) {
      const auto id = static_cast<std::uint32_t>(random() % 30'000);
      const bool inserts = (random() % 8 != 0) == (phase % 2 == 0);
      if (inserts && model.insert(id).second)
        REQUIRE(with.insert(id));
      else if (!inserts && model.erase(id) == 1)
        with.erase(id);
    }
    REQUIRE(with.table.size() == model.size());
    for (std::uint32_t id = 0; id < 30'000; ++id) {
      if ((with.find(id) == id) != model.contains(id))
        FAIL("record " << id);
    }
  }
}

TEST_CASE("a segment_table gives its memory back as it empties") {
  table_fixture with;
  std::mt19937_64 random{6};
  for (std::uint32_t id = 0; id < 50'000; ++id) {
    with.hashes.push_back(random());
    REQUIRE(with.insert(id));
  }
  with.retired.end_epoch();
  with.retired.end_epoch();
  const std::uint64_t full = with.memory.used();
  // Ten bytes an entry, about.
  CHECK(full < 50'000 * 14);
  for (std::uint32_t id = 100; id < 50'000; ++id)
    with.erase(id);
  with.retired.end_epoch();
  with.retired.end_epoch();
  CHECK(with.memory.used() < 10'000);
  for (std::uint32_t id = 0; id < 100; ++id)
    CHECK(with.find(id) == id);
  for (std::uint32_t id = 0; id < 100; ++id)
    with.erase(id);
  with.retired.end_epoch();
  with.retired.end_epoch();
  CHECK(with.memory.used() == 0);
}

TEST_CASE("records of one hash are all found, up to a segment of them") {
  table_fixture with;
  with.hashes.assign(table_segment::places + 1, 0x123456789abcdef0U);
  for (std::uint32_t id = 0; id < table_segment::places; ++id)
    REQUIRE(with.insert(id));
  CHECK_FALSE(with.insert(table_segment::places));
  for (std::uint32_t id = 0; id < table_segment::places; ++id)
    CHECK(with.find(id) == id);
  // Hashes that collide on purpose do not make it grow.
  CHECK(with.memory.used() < 1'000'000);
}

TEST_CASE("a segment_table without memory refuses, and keeps what it has") {
  table_fixture with{100'000};
  std::mt19937_64 random{7};
  std::uint32_t count = 0;
  do {
    with.hashes.push_back(random());
  } while (with.insert(count) && ++count < 100'000);
  CHECK(count > 5000);
  CHECK(count < 100'000);
  CHECK(with.memory.used() <= 100'000);
  for (std::uint32_t id = 0; id < count; ++id) {
    if (with.find(id) != id)
      FAIL("record " << id);
  }
}
