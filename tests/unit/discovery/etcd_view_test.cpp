#include "dynamo/discovery/etcd_view.hpp"

#include "changes.hpp"
#include "support/catch.hpp"

namespace {

using namespace dynamo;
using namespace dynamo::test;
using namespace std::chrono_literals;

struct view_test {
  std::vector<std::string> notices;
  notice_sink sink = [this](const std::string& text) {
    notices.push_back(text);
  };
  etcd_view view{bucket::instances, sink};
  etcd_view::clock_time now{1h};

  static etcd_key_value stored(std::uint64_t id, std::int64_t revision,
                               const std::string& address = "a:1") {
    return {"v1/instances/" + key_of(served(id)), to_json(served(id, address)),
            revision, 7};
  }

  std::size_t list(std::int64_t revision, std::vector<etcd_key_value> values) {
    return view.take(etcd_snapshot{revision, std::move(values)}, now);
  }
  void put(const etcd_key_value& value) {
    view.take(etcd_watch_event{false, value}, now);
  }
  void remove(std::uint64_t id, std::int64_t revision) {
    view.take(etcd_watch_event{true, {stored(id, 0).key, "", revision, 0}},
              now);
  }
  std::set<std::uint64_t> known() const {
    std::set<std::uint64_t> ids;
    for (const auto& [key, entry] : view.picture().records()) {
      ids.insert(id_of(entry.value));
    }
    return ids;
  }
  bool knows(const record& value) const {
    const auto found = view.picture().records().find(key_of(value));
    return found != view.picture().records().end() &&
           found->second.value == value;
  }
};

using ids = std::set<std::uint64_t>;

} // namespace

TEST_CASE("a view is a listing and what comes after it") {
  view_test t;
  CHECK(t.view.picture().sight() == sight::none);
  CHECK(t.list(5, {t.stored(1, 3), t.stored(2, 5)}) == 2);
  CHECK(t.known() == ids{1, 2});
  CHECK(t.view.picture().sight() == sight::complete);
  t.put(t.stored(3, 6));
  t.put(t.stored(1, 7, "b:2"));
  t.remove(2, 8);
  CHECK(t.known() == ids{1, 3});
  CHECK(t.knows(served(1, "b:2")));
}

TEST_CASE("what is older than what is known changes nothing") {
  view_test t;
  t.list(5, {t.stored(1, 5, "new:1")});
  t.put(t.stored(1, 4, "old:1"));
  t.remove(1, 4);
  CHECK(t.knows(served(1, "new:1")));
  CHECK(t.list(6, {t.stored(1, 5, "new:1")}) == 0);
}

TEST_CASE("a listing tells how much no watch had told of") {
  view_test t;
  t.list(5, {t.stored(1, 1), t.stored(2, 2), t.stored(3, 3)});
  CHECK(t.list(9, {t.stored(1, 1), t.stored(2, 7, "b:2"), t.stored(4, 8)}) ==
        3);
  CHECK(t.known() == ids{1, 2, 4});
}

TEST_CASE("keys alone are enough to find what was missed") {
  view_test t;
  t.list(5, {t.stored(1, 1), t.stored(2, 2), t.stored(3, 3)});
  const auto keys = [](std::vector<etcd_key_value> values) {
    for (auto& each : values) {
      each.value.clear();
    }
    return values;
  };
  CHECK(t.view
            .differences(
                {9, keys({t.stored(1, 1), t.stored(2, 2), t.stored(3, 3)})})
            .empty());
  CHECK(t.view.differences(
            {9, keys({t.stored(1, 1), t.stored(2, 8), t.stored(4, 9)})}) ==
        std::set<etcd_view::difference>{
            {"n/c/e/2", 8}, {"n/c/e/3", 0}, {"n/c/e/4", 9}});
  // The watch was quicker than the comparison.
  t.put(t.stored(5, 12));
  CHECK(t.view
            .differences(
                {9, keys({t.stored(1, 1), t.stored(2, 2), t.stored(3, 3)})})
            .empty());
}

TEST_CASE("after an outage records that are gone are kept for the grace") {
  view_test t;
  t.list(5, {t.stored(1, 1), t.stored(2, 2)});
  t.view.lose("away");
  t.view.lose("still away");
  CHECK(t.view.picture().reason() == "away");
  t.view.hold_until(t.now + 10s);
  t.list(9, {t.stored(1, 1)});
  CHECK(t.known() == ids{1, 2});
  CHECK(t.view.picture().sight() == sight::stale);
  CHECK(t.view.due() == t.now + 10s);
  CHECK(t.view.differences({9, {t.stored(1, 1)}}).empty());

  SECTION("one that comes back was never away") {
    t.put(t.stored(2, 10));
    CHECK(t.view.picture().sight() == sight::complete);
    t.now += 11s;
    t.view.settle(t.now);
    CHECK(t.known() == ids{1, 2});
  }
  SECTION("one that does not come is gone then") {
    t.now += 9s;
    t.view.settle(t.now);
    CHECK(t.known() == ids{1, 2});
    t.now += 1s;
    t.view.settle(t.now);
    CHECK(t.known() == ids{1});
    CHECK(t.view.picture().sight() == sight::complete);
    CHECK_FALSE(t.view.due());
  }
  SECTION("leases that expire right after the return are outages too") {
    t.put(t.stored(2, 10));
    t.remove(1, 11);
    CHECK(t.known() == ids{1, 2});
    t.put(t.stored(1, 12));
    t.now += 11s;
    t.view.settle(t.now);
    CHECK(t.known() == ids{1, 2});
  }
  SECTION("one that came after the return leaves at once") {
    t.put(t.stored(2, 10));
    t.put(t.stored(3, 11));
    CHECK(t.known() == ids{1, 2, 3});
    t.remove(3, 12);
    CHECK(t.known() == ids{1, 2});
    CHECK(t.view.picture().sight() == sight::complete);
  }
}

TEST_CASE("a server that lost its disk is believed, though it counts anew") {
  view_test t;
  t.list(500, {t.stored(1, 400), t.stored(2, 500)});
  t.view.lose("away");
  t.view.hold_until(t.now + 10s);
  t.list(2, {t.stored(1, 2, "b:2")});
  CHECK(t.knows(served(1, "b:2")));
  t.put(t.stored(2, 3));
  CHECK(t.view.picture().sight() == sight::complete);
  t.remove(2, 4);
  t.now += 11s;
  t.view.settle(t.now);
  CHECK(t.known() == ids{1});
}

TEST_CASE("a loss shows in what a watch told, too") {
  view_test t;
  t.list(1, {});
  t.put(t.stored(1, 5));
  t.put(t.stored(2, 6));
  t.view.hold_until(t.now + 10s);
  // No less than at the first listing.
  t.list(1, {});
  CHECK(t.known() == ids{1, 2});
  t.put(t.stored(1, 2, "b:2"));
  CHECK(t.knows(served(1, "b:2")));
}

TEST_CASE("bad records are named once and leave what was before them") {
  view_test t;
  const std::string key = t.stored(1, 0).key;
  t.list(5, {t.stored(1, 1), {"v1/instances/n/c/e/2", "no record", 2, 0}});
  t.put({key, "spoiled", 6, 0});
  CHECK(t.knows(served(1)));
  // The right record under another key.
  t.put({"v1/instances/n/c/e/3", to_json(served(4)), 7, 0});
  CHECK(t.known() == ids{1});
  CHECK(t.view.bad_records() == 3);
  CHECK(t.notices.size() == 3);
  // Listed again, they are the same.
  t.list(9, {{key, "spoiled", 6, 0},
             {"v1/instances/n/c/e/2", "no record", 2, 0},
             {"v1/instances/n/c/e/3", to_json(served(4)), 7, 0}});
  CHECK(t.view.bad_records() == 3);
  t.put(t.stored(1, 10, "b:2"));
  CHECK(t.knows(served(1, "b:2")));
}

TEST_CASE("a listing gives the records of a snapshot and counts the others") {
  view_test t;
  const auto found = t.view.records_of(
      {5, {t.stored(1, 1), {"v1/instances/x", "no record", 2, 0}}});
  REQUIRE(found.size() == 1);
  CHECK(found.front().key == "n/c/e/1");
  CHECK(found.front().value == served(1));
  CHECK(t.view.bad_records() == 1);
  CHECK(t.view.picture().records().empty());
}
