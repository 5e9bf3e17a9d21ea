#include "dynamo/discovery/file_backend.hpp"

#include "file_fixture.hpp"

// The file discovery with time in the test's hands.

namespace {

using namespace dynamo;
using namespace dynamo::test;

/// A process of the store that lives only when it is told to.
struct process {
  explicit process(const temporary_root& root)
      : backend(file_store{root.path().string(), 4096}, file_timing{}, {}) {}

  void turn() { backend.turn(now); }

  void pass(std::chrono::milliseconds time) {
    now.steady += time;
    now.wall += time;
  }

  file_backend backend;
  file_moment now = file_moment::now();
};

change_feed feed_into(believer& b) {
  return {instances, b.inbox(), {}};
}

} // namespace

TEST_CASE("a process that was stopped shows itself before it judges others") {
  temporary_root root;
  process stopped{root};
  REQUIRE(stopped.backend.advertise(served(1), stopped.now));
  put_foreign(root, served(2));
  stopped.turn();
  // Peers have removed its file, and the other process was stopped as well.
  fs::remove(root.file(served(1)));
  make_old(root.file(served(2)), 15s);
  stopped.pass(15s);
  stopped.turn();
  CHECK(fs::exists(root.file(served(1))));
  CHECK(stopped.backend.counts().republished == 1);
  CHECK(fs::exists(root.file(served(2))));
  CHECK(stopped.backend.counts().reaped == 0);
}

TEST_CASE("what stays expired for a lifetime after a stop is removed") {
  temporary_root root;
  process stopped{root};
  put_foreign(root, served(2));
  make_old(root.file(served(2)), 15s);
  REQUIRE(stopped.backend.list(instances, stopped.now));
  stopped.turn();
  CHECK(stopped.backend.counts().reaped == 1);

  put_foreign(root, served(2));
  make_old(root.file(served(2)), 60s);
  stopped.pass(15s);
  stopped.turn();
  CHECK(stopped.backend.counts().reaped == 1);
  for (int i = 0; i < 4; ++i) {
    stopped.pass(3334ms);
    stopped.turn();
  }
  CHECK(stopped.backend.counts().reaped == 2);
}

TEST_CASE("a wall clock that was set removes nobody at once") {
  temporary_root root;
  process judge{root};
  put_foreign(root, served(1));
  make_old(root.file(served(1)), 60s);
  judge.now.wall -= 1h;
  REQUIRE(judge.backend.list(instances, judge.now));
  judge.turn();
  judge.now.wall += 1h;
  judge.pass(3400ms);
  judge.turn();
  CHECK(fs::exists(root.file(served(1))));
}

TEST_CASE("a file that its owner has just touched is not removed") {
  temporary_root root;
  process judge{root};
  put_foreign(root, served(1));
  REQUIRE(judge.backend.list(instances, judge.now));
  judge.turn();
  // By the time that this process believes in, the file has expired.
  for (int i = 0; i < 5; ++i) {
    judge.pass(3400ms);
    judge.turn();
  }
  CHECK(fs::exists(root.file(served(1))));
}

TEST_CASE("another process's record in the place of ours is left alone") {
  temporary_root root;
  process owner{root};
  REQUIRE(owner.backend.advertise(served(1, "h:1"), owner.now));
  owner.turn();
  fs::remove(root.file(served(1)));
  put_foreign(root, served(1, "h:2"));
  owner.pass(3400ms);
  owner.turn();
  CHECK(content(root.file(served(1))) == to_json(served(1, "h:2")));
  REQUIRE(owner.backend.withdraw(served(1, "h:1")));
  CHECK(fs::exists(root.file(served(1))));
}

TEST_CASE("a changed record of ours replaces the one before") {
  temporary_root root;
  process owner{root};
  REQUIRE(owner.backend.advertise(served(1, "h:1"), owner.now));
  REQUIRE(owner.backend.advertise(served(1, "h:2"), owner.now));
  CHECK(content(root.file(served(1))) == to_json(served(1, "h:2")));
  CHECK(owner.backend.counts().owned == 1);
  CHECK(owner.backend.counts().republished == 0);
}

TEST_CASE("a full scan repairs what notices did not tell") {
  temporary_root root;
  process router{root};
  believer b;
  router.backend.watch(feed_into(b), router.now);
  router.turn();
  // More notices than the system keeps; the one that counts is not among them.
  std::size_t notices_max = 0;
  std::ifstream{"/proc/sys/fs/inotify/max_queued_events"} >> notices_max;
  REQUIRE(notices_max > 0);
  for (std::size_t i = 0; i <= notices_max / 2; ++i) {
    write(root.file("noise"), "");
    fs::remove(root.file("noise"));
  }
  put_foreign(root, served(1));
  for (int i = 0; i < 100 && !b.knows(served(1)); ++i) {
    router.pass(1ms);
    router.turn();
  }
  CHECK(b.knows(served(1)));
  CHECK(router.backend.counts().repaired == 1);
}

TEST_CASE("what notices have told, a full scan does not repair") {
  temporary_root root;
  process router{root};
  believer b;
  router.backend.watch(feed_into(b), router.now);
  router.turn();
  put_foreign(root, served(1));
  router.pass(2000ms);
  router.turn();
  CHECK(b.knows(served(1)));
  fs::remove(root.file(served(1)));
  router.pass(2000ms);
  router.turn();
  router.pass(60ms);
  router.turn();
  CHECK_FALSE(b.knows(served(1)));
  CHECK(router.backend.counts().repaired == 0);
}

TEST_CASE("a record that is lost with its directory stays for one lifetime") {
  temporary_root root;
  process router{root};
  believer b;
  router.backend.watch(feed_into(b), router.now);
  put_foreign(root, served(1));
  router.turn();
  REQUIRE(b.knows(served(1)));

  fs::remove_all(root.path());
  router.pass(100ms);
  router.turn();
  CHECK(b.knows(served(1)));
  CHECK(b.was_stale());
  CHECK_FALSE(router.backend.list(instances, router.now));
  fs::create_directories(root.directory());
  router.pass(100ms);
  router.turn();
  for (int i = 0; i < 3; ++i) {
    router.pass(3300ms);
    router.turn();
    CHECK(b.knows(served(1)));
    CHECK_FALSE(b.synced());
  }
  router.pass(200ms);
  router.turn();
  CHECK_FALSE(b.knows(served(1)));
  CHECK(b.history().back() == "synced");
}

TEST_CASE("a directory is made again only when its remover had time to") {
  temporary_root root;
  process router{root};
  believer b;
  router.backend.watch(feed_into(b), router.now);
  router.turn();
  fs::remove_all(root.path());
  router.pass(100ms);
  router.turn();
  router.pass(3000ms);
  router.turn();
  CHECK_FALSE(fs::exists(root.path()));
  router.pass(400ms);
  router.turn();
  CHECK(fs::exists(root.directory()));
  CHECK(b.synced());
}

TEST_CASE("who only advertises reads nobody else's record") {
  temporary_root root;
  process worker{root};
  REQUIRE(worker.backend.advertise(served(1), worker.now));
  put_foreign(root, served(2));
  write(root.file("noise"), "");
  make_old(root.file("noise"), 1s);
  worker.turn();
  worker.pass(2000ms);
  worker.turn();
  CHECK(worker.backend.counts().bad_records == 0);
  // With the first question it knows what is there.
  const auto found = worker.backend.list(instances, worker.now);
  REQUIRE(found);
  CHECK(found->size() == 2);
  CHECK(worker.backend.counts().bad_records == 1);
  CHECK(worker.backend.counts().repaired == 0);
}

TEST_CASE("who watches after it advertised is told of all") {
  temporary_root root;
  process worker{root};
  REQUIRE(worker.backend.advertise(served(1), worker.now));
  put_foreign(root, served(2));
  worker.turn();
  believer b;
  worker.backend.watch(feed_into(b), worker.now);
  CHECK(b.knows(served(1)));
  CHECK(b.knows(served(2)));
  CHECK(b.synced());
  put_foreign(root, served(3));
  worker.turn();
  CHECK(b.knows(served(3)));
  fs::remove_all(root.path());
  worker.pass(100ms);
  worker.turn();
  CHECK(b.was_stale());
  worker.pass(3500ms);
  worker.turn();
  CHECK(fs::exists(root.file(served(1))));
}

TEST_CASE("who only advertises puts its record into the next directory") {
  temporary_root root;
  process worker{root};
  REQUIRE(worker.backend.advertise(served(1), worker.now));
  worker.turn();
  fs::remove_all(root.path());
  worker.pass(100ms);
  worker.turn();
  worker.pass(3500ms);
  worker.turn();
  CHECK(fs::exists(root.file(served(1))));
}
