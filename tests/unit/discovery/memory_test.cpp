#include "dynamo/discovery/memory.hpp"

#include "changes.hpp"
#include "support/catch.hpp"

namespace {

using namespace dynamo;
using dynamo::test::drain;
using dynamo::test::make_inbox;
using dynamo::test::served;
using texts = std::vector<std::string>;

struct two_processes {
  std::shared_ptr<memory_store> store = std::make_shared<memory_store>();
  std::unique_ptr<discovery> first = make_memory_discovery(store, 1);
  std::unique_ptr<discovery> second = make_memory_discovery(store, 2);
  std::shared_ptr<discovery_inbox> inbox = make_inbox();
  int wakes = 0;

  void watch_from_second() {
    REQUIRE(second->watch(bucket::instances, inbox, [this] { ++wakes; }));
  }
};

} // namespace

TEST_CASE("a memory watcher hears what was there and what changes") {
  two_processes p;
  REQUIRE(p.first->advertise(served(1)));
  p.watch_from_second();
  CHECK(drain(*p.inbox) == texts{"put n/c/e/1", "synced"});
  CHECK(p.wakes == 1);
  REQUIRE(p.first->advertise(served(2)));
  REQUIRE(p.first->withdraw(served(1)));
  CHECK(drain(*p.inbox) == texts{"put n/c/e/2", "deleted n/c/e/1"});
  CHECK(p.wakes == 2);
  REQUIRE(p.first->advertise(event_source{scope::of_namespace("n"), "t", 1}));
  CHECK(drain(*p.inbox).empty());
}

TEST_CASE("an equal record is told once, a changed one again") {
  two_processes p;
  p.watch_from_second();
  REQUIRE(p.first->advertise(served(1, "h:1")));
  REQUIRE(p.first->advertise(served(1, "h:1")));
  CHECK(drain(*p.inbox) == texts{"synced", "put n/c/e/1"});
  REQUIRE(p.first->advertise(served(1, "h:2")));
  CHECK(drain(*p.inbox) == texts{"put n/c/e/1"});
  const auto listed = p.second->list(bucket::instances);
  REQUIRE(listed);
  REQUIRE(listed->size() == 1);
  CHECK(listed->front().value == served(1, "h:2"));
}

TEST_CASE("a key belongs to the process that put it") {
  two_processes p;
  REQUIRE(p.first->advertise(served(1)));
  const auto taken = p.second->advertise(served(1));
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code == errc::exists);
  const auto foreign = p.second->withdraw(served(1));
  REQUIRE_FALSE(foreign);
  CHECK(foreign.error().code == errc::not_found);
  CHECK(p.first->counts().owned == 1);
  CHECK(p.second->counts().owned == 0);
}

TEST_CASE("records of a process that ends are gone") {
  two_processes p;
  p.watch_from_second();
  REQUIRE(p.first->advertise(served(1)));
  p.first.reset();
  CHECK(drain(*p.inbox) == texts{"synced", "put n/c/e/1", "deleted n/c/e/1"});
  CHECK(p.second->advertise(served(1)));
}

TEST_CASE("a stale memory store keeps still until it is in sync again") {
  two_processes p;
  p.watch_from_second();
  REQUIRE(p.first->advertise(served(1)));
  drain(*p.inbox);
  p.store->make_stale("test");
  CHECK(drain(*p.inbox) == texts{"stale test"});
  REQUIRE(p.first->withdraw(served(1)));
  REQUIRE(p.first->advertise(served(2)));
  CHECK(drain(*p.inbox).empty());
  p.store->make_synced();
  CHECK(drain(*p.inbox) == texts{"deleted n/c/e/1", "put n/c/e/2", "synced"});
}

TEST_CASE("a forgotten record is deleted and can be put again") {
  two_processes p;
  p.watch_from_second();
  REQUIRE(p.first->advertise(served(1)));
  drain(*p.inbox);
  CHECK(p.store->forget(bucket::instances, "n/c/e/1"));
  CHECK_FALSE(p.store->forget(bucket::instances, "n/c/e/1"));
  CHECK(drain(*p.inbox) == texts{"deleted n/c/e/1"});
  REQUIRE(p.first->advertise(served(1)));
  CHECK(drain(*p.inbox) == texts{"put n/c/e/1"});
}

TEST_CASE("what a memory watcher's inbox drops comes with the next change") {
  two_processes p;
  p.inbox = make_inbox(1);
  p.watch_from_second();
  REQUIRE(p.first->advertise(served(1)));
  CHECK(drain(*p.inbox) == texts{"synced"});
  REQUIRE(p.first->advertise(served(2)));
  CHECK(drain(*p.inbox) == texts{"put n/c/e/1"});
}

TEST_CASE("a record that cannot be stored is refused") {
  two_processes p;
  const auto refused =
      p.first->advertise(endpoint_instance{"a/b", "c", "d", 1, "{}"});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::invalid);
}
