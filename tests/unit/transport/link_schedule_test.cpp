#include "dynamo/transport/link_schedule.hpp"

#include <algorithm>
#include <vector>

#include "support/catch.hpp"

using namespace dynamo;
using namespace std::chrono_literals;

namespace {

link_schedule_limits limits() {
  return {{100ms, 5000ms}, 200ms, 2000ms, 0};
}

link_change change(link_state state) {
  link_change change;
  change.state = state;
  return change;
}

clock::time_point at(std::chrono::milliseconds since) {
  return clock::time_point{since};
}

/// The delay after each of `count` attempts that fail.
std::vector<clock::duration> delays(link_schedule& schedule, int count,
                                    link_state state = link_state::connecting) {
  std::vector<clock::duration> found;
  auto now = at(0ms);
  for (int i = 0; i < count; ++i) {
    schedule.on_attempt();
    schedule.on_change(change(state), now);
    found.push_back(*schedule.due() - now);
    now = *schedule.due();
  }
  return found;
}

} // namespace

TEST_CASE("no attempt is due before somebody wants the connection") {
  link_schedule schedule{limits(), 1};
  CHECK_FALSE(schedule.due());
  schedule.want(at(5ms));
  CHECK(schedule.due() == at(5ms));
}

TEST_CASE("failed attempts wait longer and longer, and never give up") {
  link_schedule schedule{limits(), 1};
  schedule.want(at(0ms));
  const auto all = delays(schedule, 500);
  CHECK(all.front() <= 100ms);
  CHECK(*std::max_element(all.begin(), all.end()) > 2500ms);
  CHECK(*std::max_element(all.begin(), all.end()) <= 5000ms);
  CHECK_FALSE(schedule.has_given_up());
}

TEST_CASE("a process that subscribes never waits longer than it may") {
  link_schedule schedule{limits(), 1};
  schedule.want_for_subscribers(at(0ms));
  for (const auto delay : delays(schedule, 200)) {
    CHECK(delay <= 200ms);
  }
}

TEST_CASE("a subscriber that comes while an attempt is far shortens the wait") {
  link_schedule schedule{limits(), 1};
  schedule.want(at(0ms));
  delays(schedule, 30);
  const auto before = *schedule.due();
  const auto now = before - 4000ms < at(0ms) ? at(0ms) : before - 4000ms;
  schedule.want_for_subscribers(now);
  CHECK(*schedule.due() <= now + 200ms);
}

TEST_CASE("a refusal of the credentials is retried at a slower rate") {
  link_schedule schedule{limits(), 1};
  schedule.want_for_subscribers(at(0ms));
  for (const auto delay :
       delays(schedule, 20, link_state::authentication_failed)) {
    CHECK(delay >= 2000ms);
  }
}

TEST_CASE("a loss is followed by an early attempt and counts as no failure") {
  link_schedule schedule{limits(), 1};
  schedule.want(at(0ms));
  delays(schedule, 20);
  schedule.on_attempt();
  schedule.on_change(change(link_state::connected), at(0ms));
  CHECK_FALSE(schedule.due());
  CHECK(schedule.failures() == 0);
  schedule.on_change(change(link_state::reconnecting), at(0ms));
  CHECK(*schedule.due() <= at(100ms));
  CHECK(schedule.failures() == 0);
}

TEST_CASE("a server in lame duck mode is left at once") {
  link_schedule schedule{limits(), 1};
  schedule.want(at(0ms));
  schedule.on_attempt();
  schedule.on_change(change(link_state::connected), at(0ms));
  auto asked = change(link_state::reconnecting);
  asked.lame_duck = true;
  schedule.on_change(asked, at(7ms));
  CHECK(schedule.due() == at(7ms));
}

TEST_CASE("with a limit the schedule gives up after that many failures") {
  auto few = limits();
  few.attempts_max = 3;
  link_schedule schedule{few, 1};
  schedule.want(at(0ms));
  delays(schedule, 2);
  schedule.on_attempt();
  schedule.on_change(change(link_state::connecting), at(0ms));
  CHECK(schedule.has_given_up());
  CHECK_FALSE(schedule.due());
}

TEST_CASE("a link that was closed is not connected again") {
  link_schedule schedule{limits(), 1};
  schedule.want(at(0ms));
  schedule.on_attempt();
  schedule.on_change(change(link_state::connected), at(0ms));
  schedule.on_change(change(link_state::closed), at(0ms));
  CHECK_FALSE(schedule.due());
}
