#include "dynamo/transport/change_reporter.hpp"

#include <vector>

#include "support/catch.hpp"

namespace dynamo {

namespace {

connection_change change(std::uint64_t publisher_id, connection_state state) {
  return {1, {publisher_id, "tcp://10.0.0.5:1"}, state, ""};
}

struct fixture {
  std::shared_ptr<connection_inbox> changes =
      std::make_shared<connection_inbox>(
          inbox_limits{2, 1'000'000, overflow_policy::drop_newest});
  int woken = 0;
  change_reporter reporter;

  fixture() {
    reporter.report_to(changes, [this] { ++woken; });
  }

  std::vector<std::pair<std::uint64_t, connection_state>> drained() {
    std::vector<inbox_item<connection_change>> items;
    changes->drain(items, 100);
    std::vector<std::pair<std::uint64_t, connection_state>> seen;
    for (const auto& item : items) {
      seen.emplace_back(item.value.remote.publisher_id, item.value.state);
    }
    return seen;
  }
};

using seen = std::vector<std::pair<std::uint64_t, connection_state>>;

} // namespace

TEST_CASE("change_reporter wakes the consumer once") {
  fixture f;
  f.reporter.report(change(1, connection_state::connected));
  f.reporter.report(change(2, connection_state::connected));
  CHECK(f.woken == 1);
}

TEST_CASE("change_reporter keeps the last change of each peer when full") {
  fixture f;
  f.reporter.report(change(1, connection_state::connected));
  f.reporter.report(change(2, connection_state::connected));
  f.reporter.report(change(3, connection_state::connected));
  f.reporter.report(change(3, connection_state::lost));
  f.reporter.report(change(1, connection_state::lost));
  CHECK(f.reporter.has_kept());

  CHECK(f.drained() == seen{{1, connection_state::connected},
                            {2, connection_state::connected}});
  f.reporter.retry();
  CHECK_FALSE(f.reporter.has_kept());
  CHECK(f.drained() ==
        seen{{1, connection_state::lost}, {3, connection_state::lost}});
  CHECK(f.woken == 2);
}

TEST_CASE("change_reporter does not let a new change overtake a kept one") {
  fixture f;
  f.reporter.report(change(1, connection_state::connected));
  f.reporter.report(change(2, connection_state::connected));
  f.reporter.report(change(3, connection_state::lost));
  f.drained();
  f.reporter.report(change(3, connection_state::connected));
  f.reporter.retry();
  CHECK(f.drained() == seen{{3, connection_state::connected}});
}

TEST_CASE("change_reporter forgets what is no longer true") {
  fixture f;
  f.reporter.report(change(1, connection_state::connected));
  f.reporter.report(change(2, connection_state::connected));
  f.reporter.report(change(3, connection_state::lost));
  f.reporter.report(change(4, connection_state::lost));
  f.reporter.forget(1, 3);
  CHECK(f.reporter.has_kept());
  f.reporter.forget(1);
  CHECK_FALSE(f.reporter.has_kept());
}

} // namespace dynamo
