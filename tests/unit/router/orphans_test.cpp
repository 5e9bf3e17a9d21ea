#include "dynamo/router/orphans.hpp"

#include "support/catch.hpp"

using namespace dynamo;

namespace {

const worker_rank one{1, 0};
const worker_rank two{2, 0};

kv_stored stored(std::uint64_t parent, std::vector<std::uint64_t> blocks) {
  kv_stored made;
  made.parent_hash = parent;
  for (const std::uint64_t block : blocks)
    made.blocks.push_back({block, 100 + block, {}});
  return made;
}

} // namespace

TEST_CASE("an orphan is held until its parent is asked for") {
  orphans held{10, 100};
  CHECK(held.hold(one, stored(1, {2, 3})));
  CHECK(held.size(one) == 1);
  CHECK(held.size() == 1);
  CHECK(held.take(one, 2).empty());
  CHECK(held.take(two, 1).empty());
  CHECK(held.take(one, 1) == std::vector<kv_stored>{stored(1, {2, 3})});
  CHECK(held.size() == 0);
  CHECK(held.counts().held == 1);
  CHECK(held.counts().adopted == 1);
}

TEST_CASE("an orphan that is said twice is held once") {
  orphans held{10, 100};
  held.hold(one, stored(1, {2}));
  held.hold(one, stored(1, {2}));
  CHECK(held.size(one) == 1);
  CHECK(held.take(one, 1).size() == 1);
}

TEST_CASE("orphans beyond the rank's limit drop its oldest") {
  orphans held{2, 100};
  CHECK(held.hold(one, stored(1, {2})));
  CHECK(held.hold(one, stored(3, {4})));
  CHECK_FALSE(held.hold(one, stored(5, {6})));
  CHECK(held.size(one) == 2);
  CHECK(held.take(one, 1).empty());
  CHECK(held.take(one, 5).size() == 1);
  CHECK(held.counts().dropped == 1);
}

TEST_CASE("orphans beyond the limit of blocks cost their own rank alone") {
  orphans held{10, 4};
  CHECK(held.hold(one, stored(1, {2, 3})));
  CHECK(held.hold(two, stored(1, {2})));
  CHECK_FALSE(held.hold(two, stored(5, {6, 7})));
  CHECK(held.size(one) == 1);
  CHECK(held.size(two) == 1);
  CHECK(held.take(two, 5).size() == 1);
  // One that is too large by itself is not held at all.
  CHECK_FALSE(held.hold(two, stored(1, {2, 3, 4, 5, 6})));
  CHECK(held.size(two) == 0);
  CHECK(held.size(one) == 1);
}

TEST_CASE("a block removed from an orphan leaves what is behind it waiting") {
  orphans held{10, 100};
  held.hold(one, stored(1, {2, 3, 4}));
  CHECK(held.remove(one, 3));
  CHECK_FALSE(held.remove(one, 3));
  CHECK(held.take(one, 1) == std::vector<kv_stored>{stored(1, {2})});
  CHECK(held.take(one, 3) == std::vector<kv_stored>{stored(3, {4})});
  CHECK(held.size() == 0);
}

TEST_CASE("the last block removed from an orphan leaves nothing") {
  orphans held{10, 100};
  held.hold(one, stored(1, {2}));
  CHECK(held.remove(one, 2));
  CHECK(held.size() == 0);
  CHECK(held.take(one, 1).empty());
}

TEST_CASE("a cleared rank has no orphans") {
  orphans held{10, 3};
  held.hold(one, stored(1, {2, 3}));
  held.clear(one);
  CHECK(held.size() == 0);
  // Its blocks do not count any more, either.
  CHECK(held.hold(one, stored(1, {2, 3, 4})));
}
