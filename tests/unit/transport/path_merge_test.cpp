#include "dynamo/transport/path_merge.hpp"

#include <deque>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "support/catch.hpp"

using namespace std::chrono_literals;

namespace dynamo {

namespace {

using numbers = std::vector<std::uint64_t>;

/// A merge of paths 1 and 2, and what it delivered of each publisher.
struct merger {
  clock::time_point now{1h};
  std::map<std::uint64_t, numbers> out;
  path_merge merge;

  explicit merger(const path_merge_limits& limits = {})
      : merge(limits, [this](wire_message&& message) {
        out[message.publisher_id].push_back(message.sequence);
      }) {
    merge.path_up(1);
    merge.path_up(2);
  }

  void take(path_merge::path_id path, const numbers& sequences,
            std::uint64_t publisher = 7, std::size_t bytes = 10) {
    for (const std::uint64_t sequence : sequences) {
      merge.take(
          path, publisher, sequence,
          [&] {
            return wire_message{nullptr, publisher, sequence,
                                byte_buffer(bytes, 0)};
          },
          now);
    }
  }

  void pass(clock::duration time) {
    now += time;
    merge.expire(now);
  }
};

} // namespace

TEST_CASE("path_merge delivers once what comes by two paths") {
  merger m;
  m.take(1, {0, 1, 2});
  m.take(2, {0, 1, 2, 3});
  m.take(1, {3});
  CHECK(m.out[7] == numbers{0, 1, 2, 3});
  CHECK(m.merge.counts().duplicates == 4);
  CHECK(m.merge.counts().missing == 0);
  CHECK_FALSE(m.merge.next_deadline());
}

TEST_CASE("path_merge waits for what another path may still bring") {
  merger m;
  m.take(1, {0});
  m.take(2, {0});
  m.take(1, {3, 4});
  CHECK(m.out[7] == numbers{0});
  CHECK(m.merge.held() == 2);
  CHECK(m.merge.next_deadline() == m.now + 1000ms);
  m.take(2, {1, 2, 3});
  CHECK(m.out[7] == numbers{0, 1, 2, 3, 4});
  CHECK(m.merge.counts().recovered == 2);
  CHECK(m.merge.counts().duplicates == 2);
  CHECK(m.merge.counts().missing == 0);
  CHECK(m.merge.held() == 0);
}

TEST_CASE("path_merge gives up a gap that every path has passed") {
  merger m;
  m.take(1, {0, 2});
  CHECK(m.out[7] == numbers{0});
  m.take(2, {0, 2});
  CHECK(m.out[7] == numbers{0, 2});
  CHECK(m.merge.counts().missing == 1);
}

TEST_CASE("path_merge does not wait with one path alone") {
  merger m;
  m.merge.path_down(2, m.now);
  m.take(1, {5, 9, 10});
  CHECK(m.out[7] == numbers{5, 9, 10});
  CHECK(m.merge.counts().missing == 3);
}

TEST_CASE("path_merge stops waiting for a path that is lost") {
  merger m;
  m.take(1, {0, 2});
  m.take(1, {0, 2}, 8);
  m.merge.path_down(2, m.now);
  CHECK(m.out[7] == numbers{0, 2});
  CHECK(m.out[8] == numbers{0, 2});
}

TEST_CASE("path_merge waits no longer than it may, for each gap") {
  merger m{{.gap_wait = 100ms}};
  m.take(1, {0, 2});
  m.pass(60ms);
  m.take(1, {4});
  m.pass(60ms);
  CHECK(m.out[7] == numbers{0, 2});
  m.pass(100ms);
  CHECK(m.out[7] == numbers{0, 2, 4});
  CHECK(m.merge.counts().missing == 2);
  // Each of them is told from what had come.
  m.take(2, {1, 2, 3});
  CHECK(m.merge.counts().late == 2);
  CHECK(m.merge.counts().duplicates == 1);
}

TEST_CASE("path_merge tells what was sent before the first from what came") {
  merger m;
  m.take(1, {10});
  m.take(2, {8, 9, 10});
  CHECK(m.out[7] == numbers{10});
  CHECK(m.merge.counts().late == 2);
  CHECK(m.merge.counts().duplicates == 1);
}

TEST_CASE("path_merge remembers which of a range came late") {
  merger m{{.gap_wait = 0ms}};
  m.take(1, {0, 10});
  m.pass(0ms);
  CHECK(m.merge.counts().missing == 9);
  m.take(2, {0, 5, 5, 1, 9, 9});
  CHECK(m.merge.counts().late == 3);
  CHECK(m.merge.counts().duplicates == 3);
}

TEST_CASE("path_merge holds no more than it may") {
  SECTION("messages") {
    merger m{{.held_messages_max = 10}};
    m.take(1, {0});
    for (std::uint64_t i = 2; i <= 13; ++i) {
      m.take(1, {i});
    }
    CHECK(m.out[7].size() == 13);
    CHECK(m.merge.held() == 0);
  }
  SECTION("bytes") {
    merger m{{.held_bytes_max = 1000}};
    m.take(1, {0});
    m.take(1, {2, 3, 4}, 7, 400);
    CHECK(m.out[7] == numbers{0, 2, 3, 4});
  }
  SECTION("publishers") {
    merger m{{.publishers_max = 100}};
    for (std::uint64_t id = 1; id <= 1000; ++id) {
      m.now += 1ms;
      m.take(1, {0}, id);
      CHECK(m.merge.publishers() <= 100);
    }
    m.take(2, {0}, 1000);
    CHECK(m.merge.counts().duplicates == 1);
  }
}

// Two paths of which each keeps the order of every publisher, loses messages,
// is ahead or behind, and is lost and comes back. Whatever at least one path
// brings comes out once and in order, as long as none is waited for in vain.
TEST_CASE("path_merge loses and doubles nothing that a path brings") {
  const auto seed = GENERATE(range(1U, 201U));
  CAPTURE(seed);
  std::mt19937 random{seed};
  const auto chance = [&](unsigned percent) {
    return random() % 100 < percent;
  };
  constexpr std::uint64_t count = 300;
  constexpr std::uint64_t publishers = 3;
  const auto loss = static_cast<unsigned>(random() % 30);

  using entry = std::pair<std::uint64_t, std::uint64_t>;
  std::map<path_merge::path_id, std::deque<entry>> ways;
  std::map<std::uint64_t, std::set<std::uint64_t>> carried;
  for (std::uint64_t sequence = 0; sequence < count; ++sequence) {
    for (std::uint64_t publisher = 0; publisher < publishers; ++publisher) {
      for (const path_merge::path_id path : {1U, 2U}) {
        // All of them begin with the first message.
        if (sequence == 0 || !chance(loss)) {
          ways[path].emplace_back(publisher, sequence);
          carried[publisher].insert(sequence);
        }
      }
    }
  }
  merger m{{.gap_wait = 1h}};
  std::uint64_t taken = 0;
  while (!ways[1].empty() || !ways[2].empty()) {
    const path_merge::path_id path =
        ways[1].empty() || (!ways[2].empty() && chance(50)) ? 2 : 1;
    for (auto run = random() % 40; run > 0 && !ways[path].empty(); --run) {
      const auto [publisher, sequence] = ways[path].front();
      ways[path].pop_front();
      m.take(path, {sequence}, publisher);
      ++taken;
    }
    if (ways[path].empty()) {
      m.merge.path_down(path, m.now);
    }
  }
  std::uint64_t delivered = 0;
  for (std::uint64_t publisher = 0; publisher < publishers; ++publisher) {
    const numbers wanted(carried[publisher].begin(), carried[publisher].end());
    CHECK(m.out[publisher] == wanted);
    delivered += wanted.size();
  }
  CHECK(m.merge.held() == 0);
  CHECK(m.merge.counts().late == 0);
  CHECK(m.merge.counts().duplicates == taken - delivered);
}

} // namespace dynamo
