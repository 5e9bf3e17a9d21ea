#include "dynamo/transport/peer_set.hpp"

#include <algorithm>

#include "support/catch.hpp"

namespace dynamo {

namespace {

using namespace std::chrono_literals;

const peer_set_limits limits{{100ms, 5000ms}, 15'000ms, 3};
const peer worker{7, "tcp://10.0.0.5:1"};

struct fixture {
  manual_clock time;
  peer_set peers{limits, 1};

  clock::time_point now() const { return time.now(); }

  std::vector<peer> due() {
    std::vector<peer> remotes;
    for (const connect_attempt& attempt : peers.due(now())) {
      CHECK(attempt.subscription == 1);
      remotes.push_back(attempt.remote);
    }
    return remotes;
  }

  void change(connection_state state, const peer& remote = worker) {
    peers.on_change({1, remote, state, "why"}, now());
  }

  clock::duration delay() const { return *peers.next_due() - now(); }

  const peer_status& status() const { return *peers.find(1, 7); }
};

using remotes = std::vector<peer>;

} // namespace

TEST_CASE("peer_set connects a new peer at once") {
  fixture f;
  CHECK_FALSE(f.peers.next_due());
  CHECK(f.peers.want(1, worker, f.now()) == want_outcome::added);
  CHECK(f.peers.next_due() == f.now());
  CHECK(f.due() == remotes{worker});
  CHECK(f.due().empty());
  f.change(connection_state::connected);
  CHECK_FALSE(f.peers.next_due());
  CHECK(f.status().state == connection_state::connected);
  CHECK(f.status().reconnects == 0);
}

TEST_CASE("peer_set leaves a peer alone that is wanted again") {
  fixture f;
  f.peers.want(1, worker, f.now());
  f.due();
  f.change(connection_state::connected);
  CHECK(f.peers.want(1, worker, f.now()) == want_outcome::unchanged);
  CHECK_FALSE(f.peers.next_due());
}

TEST_CASE("peer_set follows a peer to another endpoint at once") {
  fixture f;
  const peer moved{7, "tcp://10.0.0.6:2"};
  f.peers.want(1, worker, f.now());
  f.due();
  f.change(connection_state::connected);
  CHECK(f.peers.want(1, moved, f.now()) == want_outcome::moved);
  CHECK(f.due() == remotes{moved});
}

TEST_CASE("peer_set ignores reports of an endpoint that was left") {
  fixture f;
  const peer moved{7, "tcp://10.0.0.6:2"};
  f.peers.want(1, worker, f.now());
  f.due();
  f.peers.want(1, moved, f.now());
  f.due();
  f.change(connection_state::connected, moved);
  CHECK_FALSE(
      f.peers.on_change({1, worker, connection_state::lost, ""}, f.now()));
  CHECK(f.status().state == connection_state::connected);
  CHECK_FALSE(f.peers.next_due());
}

TEST_CASE("peer_set ignores reports of peers nobody wants") {
  fixture f;
  CHECK_FALSE(
      f.peers.on_change({1, worker, connection_state::lost, ""}, f.now()));
  f.peers.want(1, worker, f.now());
  CHECK_FALSE(
      f.peers.on_change({2, worker, connection_state::lost, ""}, f.now()));
}

TEST_CASE("peer_set never gives up, and its delays stay within bounds") {
  fixture f;
  f.peers.want(1, worker, f.now());
  clock::duration most{};
  for (int attempt = 0; attempt < 1000; ++attempt) {
    REQUIRE(f.due() == remotes{worker});
    f.change(connection_state::failed);
    const auto delay = f.delay();
    REQUIRE(delay >= 50ms);
    REQUIRE(delay <= 5000ms);
    // Attempt n waits at most 100 ms * 2^n.
    REQUIRE(delay <= 100ms * (1 << std::min(attempt, 6)));
    most = std::max(most, delay);
    f.time.advance(delay);
  }
  CHECK(most > 4000ms);
  CHECK(f.status().failures == 1000);
  CHECK(f.status().state == connection_state::failed);
  CHECK(f.status().reason == "why");
}

TEST_CASE("peer_set gives peers that fail together different delays") {
  manual_clock time;
  peer_set peers{{{100ms, 5000ms}, 15'000ms, 100}, 1};
  for (std::uint64_t id = 1; id <= 100; ++id) {
    peers.want(1, {id, "tcp://10.0.0.5:1"}, time.now());
  }
  CHECK(peers.due(time.now()).size() == 100);
  for (std::uint64_t id = 1; id <= 100; ++id) {
    peers.on_change({1, {id, "tcp://10.0.0.5:1"}, connection_state::lost, ""},
                    time.now());
  }
  time.advance(75ms);
  const std::size_t early = peers.due(time.now()).size();
  CHECK(early > 20);
  CHECK(early < 80);
}

TEST_CASE("peer_set comes through 100 flaps of a peer that stays a while") {
  fixture f;
  f.peers.want(1, worker, f.now());
  for (int flap = 0; flap < 100; ++flap) {
    REQUIRE(f.due() == remotes{worker});
    f.change(connection_state::connected);
    f.time.advance(200ms);
    f.change(connection_state::lost);
    REQUIRE(f.delay() <= 100ms);
    f.time.advance(f.delay());
  }
  CHECK(f.status().reconnects == 99);
  CHECK(f.status().failures == 0);
}

TEST_CASE("peer_set slows down for a peer that dies after each handshake") {
  fixture f;
  f.peers.want(1, worker, f.now());
  clock::duration waited{};
  for (int flap = 0; flap < 100; ++flap) {
    REQUIRE(f.due() == remotes{worker});
    f.change(connection_state::connected);
    f.change(connection_state::lost);
    waited += f.delay();
    f.time.advance(f.delay());
  }
  CHECK(waited > 100s);
}

TEST_CASE("peer_set repeats an attempt that nobody answered") {
  fixture f;
  f.peers.want(1, worker, f.now());
  f.due();
  CHECK(f.delay() == limits.connect_deadline);
  f.time.advance(limits.connect_deadline);
  CHECK(f.due() == remotes{worker});
  CHECK(f.status().failures == 1);
  f.change(connection_state::connected);
  CHECK_FALSE(f.peers.next_due());
}

TEST_CASE("peer_set drops one peer, or all of a subscription") {
  fixture f;
  f.peers.want(1, worker, f.now());
  f.peers.want(1, {8, "tcp://10.0.0.5:2"}, f.now());
  f.peers.want(2, worker, f.now());
  CHECK(f.peers.peers(1).size() == 2);
  CHECK(f.peers.drop(1, 7));
  CHECK_FALSE(f.peers.drop(1, 7));
  f.peers.drop_all(2);
  CHECK(f.peers.size() == 1);
  CHECK(f.due() == remotes{{8, "tcp://10.0.0.5:2"}});
  f.peers.drop_all(1);
  CHECK_FALSE(f.peers.next_due());
}

TEST_CASE("peer_set refuses and counts peers beyond the limit") {
  fixture f;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    CHECK(f.peers.want(1, {id, "tcp://10.0.0.5:1"}, f.now()) ==
          want_outcome::added);
  }
  const peer fourth{4, "tcp://10.0.0.5:1"};
  CHECK(f.peers.want(1, fourth, f.now()) == want_outcome::refused);
  CHECK(f.peers.refused() == 1);
  CHECK(f.peers.want(2, fourth, f.now()) == want_outcome::added);
  f.peers.drop(1, 1);
  CHECK(f.peers.want(1, fourth, f.now()) == want_outcome::added);
}

TEST_CASE("peer_set connects everything again after a restart") {
  fixture f;
  const peer second{8, "tcp://10.0.0.5:2"};
  f.peers.want(1, worker, f.now());
  f.peers.want(1, second, f.now());
  f.due();
  f.change(connection_state::connected);
  f.change(connection_state::failed, second);
  f.peers.restart(f.now());
  CHECK(f.status().state == connection_state::connecting);
  CHECK(f.due() == remotes{worker, second});
  f.change(connection_state::connected);
  CHECK(f.status().reconnects == 1);
}

} // namespace dynamo
