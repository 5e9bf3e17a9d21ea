#include <atomic>
#include <future>

#include "etcd_fixture.hpp"

namespace {

using namespace dynamo;
using namespace dynamo::test;

/// Whether exactly these records stand there, under a lease that lives.
bool holds(etcd_hand& hand, const std::vector<record>& expected) {
  const auto there = hand.keys("v1/");
  std::map<std::string, std::string> wanted;
  for (const record& each : expected) {
    wanted[full_key(each)] = to_json(each);
  }
  std::map<std::string, std::string> found;
  for (const etcd_key_value& each : there) {
    if (each.lease != 0) {
      found[each.key] = each.value;
    }
  }
  return found == wanted;
}

} // namespace

TEST_CASE("records come back after their lease was revoked by hand") {
  const etcd_server_process server;
  etcd_hand hand{server.url()};
  const auto worker = join(server);
  const auto id = worker->instance_id();
  const std::vector<record> ours{served(1), served(2)};
  for (const record& each : ours) {
    REQUIRE(worker->advertise(each));
  }
  hand.revoke(id);
  CHECK(eventually([&] { return holds(hand, ours); }));
  CHECK(eventually([&] { return worker->counts().republished == 2; }));
  CHECK(worker->instance_id() == id);
  CHECK(worker->counts().owned == 2);
}

TEST_CASE("a record that was deleted or spoiled by hand is put again") {
  const etcd_server_process server;
  etcd_hand hand{server.url()};
  const auto worker = join(server);
  REQUIRE(worker->advertise(served(1)));
  REQUIRE(worker->advertise(served(2)));
  SECTION("deleted") {
    hand.remove(full_key(served(1)));
    CHECK(eventually([&] { return worker->counts().republished == 1; }));
  }
  SECTION("deleted, and its bucket is watched") {
    believer b;
    b.watch(*worker);
    REQUIRE(eventually([&] { return b.synced(); }));
    hand.remove(full_key(served(1)));
    CHECK(eventually([&] { return b.deletions() > 0 && b.size() == 2; }));
  }
  SECTION("spoiled") {
    hand.put(full_key(served(1)), "spoiled");
  }
  SECTION("without a lease") {
    hand.put(full_key(served(1)), to_json(served(1)));
  }
  CHECK(eventually([&] { return holds(hand, {served(1), served(2)}); }));
}

TEST_CASE("what another process puts in the place of ours is left there") {
  const etcd_server_process server;
  etcd_hand hand{server.url()};
  notice_log notices;
  const auto worker = join(server, notices.sink());
  REQUIRE(worker->advertise(served(1)));
  const auto theirs = hand.grant(60);
  hand.put(full_key(served(1)), to_json(served(1, "b:2")), theirs);
  REQUIRE(eventually([&] { return notices.count("another process has") > 0; }));
  CHECK(hand.keys("v1/").front().value == to_json(served(1, "b:2")));
  hand.revoke(static_cast<std::uint64_t>(theirs));
  CHECK(eventually([&] { return holds(hand, {served(1)}); }));
  CHECK(notices.count("another process has") == 1);
}

TEST_CASE("while the server is away what was known stays, then goes on") {
  const auto how = GENERATE(as<std::string>{}, "killed", "ended", "frozen");
  etcd_server_process server;
  notice_log notices;
  const auto worker = join(server);
  const auto router = join(server, notices.sink());
  REQUIRE(worker->advertise(served(1)));
  believer b;
  b.watch(*router);
  REQUIRE(eventually([&] { return b.synced() && b.size() == 1; }));

  if (how == "frozen") {
    server.freeze();
  } else {
    server.kill(how == "killed" ? SIGKILL : SIGTERM);
  }
  REQUIRE(eventually([&] { return b.was_stale(); }));
  const auto refused = worker->advertise(served(2));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::unavailable);
  CHECK_FALSE(router->list(instances));
  CHECK(b.size() == 1);
  CHECK(b.deletions() == 0);

  if (how == "frozen") {
    server.thaw();
  } else {
    server.start();
  }
  // What could not be put then, is put now.
  CHECK(eventually([&] { return b.synced() && b.knows(served(2)); }));
  CHECK(b.knows(served(1)));
  CHECK(b.deletions() == 0);
  CHECK(notices.count("cannot be reached") == 1);
  CHECK(notices.count("connected to") == 1);
  REQUIRE(worker->advertise(served(3)));
  CHECK(eventually([&] { return b.knows(served(3)); }));
}

TEST_CASE("a server that lost everything gets it back, and nobody is missed") {
  etcd_server_process server;
  const auto worker = join(server);
  const auto router = join(server);
  believer b;
  b.watch(*router);
  REQUIRE(worker->advertise(served(1)));
  REQUIRE(eventually([&] { return b.size() == 1; }));
  server.kill();
  REQUIRE(eventually([&] { return b.was_stale(); }));
  server.forget_everything();
  server.start();
  etcd_hand hand{server.url()};
  CHECK(eventually([&] { return holds(hand, {served(1)}); }));
  CHECK(eventually([&] { return b.synced(); }));
  CHECK(b.knows(served(1)));
  CHECK(b.deletions() == 0);
}

TEST_CASE("who does not come back after an outage is gone after the grace") {
  etcd_server_process server;
  auto worker = join(server);
  const auto router = join(server);
  believer b;
  b.watch(*router);
  REQUIRE(worker->advertise(served(1)));
  REQUIRE(eventually([&] { return b.size() == 1; }));
  server.kill();
  worker.reset();
  REQUIRE(eventually([&] { return b.was_stale(); }));
  server.forget_everything();
  server.start();
  CHECK(eventually([&] { return b.synced(); }));
  CHECK(b.size() == 0);
}

TEST_CASE("a withdrawal while the server is away happens when it is back") {
  etcd_server_process server;
  const auto worker = join(server);
  REQUIRE(worker->advertise(served(1)));
  REQUIRE(worker->advertise(served(2)));
  server.kill();
  const auto refused = worker->withdraw(served(1));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::unavailable);
  server.start();
  etcd_hand hand{server.url()};
  CHECK(eventually([&] { return holds(hand, {served(2)}); }));
}

TEST_CASE("a watch that stood still while its revisions went is replaced") {
  const etcd_server_process server;
  etcd_hand hand{server.url()};
  notice_log notices;
  auto options = quick_options(server.url());
  options.lease_ttl = 60s;
  // Only the compaction can tell of what was missed, however slow the machine.
  options.request_timeout = 10min;
  options.compare = 10min;
  const auto router = join(options, notices.sink());
  const auto inbox = make_inbox(10'000);
  std::atomic<bool> blocks = false;
  std::atomic<bool> is_blocked = false;
  std::promise<void> released;
  const auto release = released.get_future().share();
  // The backend's thread stands still in here, as if the process did.
  REQUIRE(router->watch(instances, inbox, [&, release] {
    if (blocks.exchange(false)) {
      is_blocked = true;
      release.wait();
    }
  }));
  std::vector<std::string> heard;
  const auto has_heard = [&](const std::string& what) {
    for (std::string& each : drain(*inbox)) {
      heard.push_back(std::move(each));
    }
    return std::find(heard.begin(), heard.end(), what) != heard.end();
  };
  REQUIRE(eventually([&] { return has_heard("synced"); }));

  blocks = true;
  hand.put(full_key(served(1)), to_json(served(1)));
  REQUIRE(eventually([&] { return is_blocked.load(); }));
  // More than the buffers on the way hold: libcurl takes 32 MB of a stream that
  // nobody reads when the kernel has room for them, and etcd keeps 1,024
  // answers.
  for (int i = 0; i < 48; ++i) {
    hand.put("v1/instances/large", std::string(1'000'000, 'x'));
  }
  for (int i = 0; i < 1200; ++i) {
    hand.put("v1/instances/small", "x");
  }
  hand.put(full_key(served(2)), to_json(served(2)));
  hand.remove(full_key(served(1)));
  hand.compact();
  released.set_value();
  CHECK(eventually([&] { return has_heard("put n/c/e/2"); }));
  CHECK(eventually([&] { return has_heard("deleted n/c/e/1"); }));
  INFO(notices.text());
  CHECK(notices.count("were compacted") >= 1);
}
