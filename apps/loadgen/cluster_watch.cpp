#include "apps/loadgen/cluster_watch.hpp"

#include <iterator>
#include <utility>

namespace dynamo::apps {

namespace {

constexpr std::chrono::milliseconds watch_interval{200};
constexpr std::chrono::milliseconds settle_interval{50};

} // namespace

cluster_watch::cluster_watch(cluster_client& cluster)
    : cluster_(cluster)
    , ranks_(std::make_shared<const std::vector<worker_rank>>())
    , thread_([this] { watch(); }) {}

cluster_watch::~cluster_watch() {
  end();
}

void cluster_watch::end() {
  {
    const lock_guard guard{mutex_};
    ended_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void cluster_watch::watch() {
  for (;;) {
    ask_members();
    ask_streams();
    const auto next = std::chrono::steady_clock::now() + watch_interval;
    const lock_guard guard{mutex_};
    while (!ended_) {
      if (changed_.wait_until(mutex_, next) == std::cv_status::timeout) {
        break;
      }
    }
    if (ended_) {
      return;
    }
  }
}

void cluster_watch::ask_members() {
  auto members = cluster_.members();
  if (!members) {
    const lock_guard guard{mutex_};
    last_answer_ = std::move(members).error();
    return;
  }
  listed_ = {members->endpoints.begin(), members->endpoints.end()};
  answering_.insert(listed_.begin(), listed_.end());
  auto ranks = std::make_shared<const std::vector<worker_rank>>(
      std::move(members->ranks));
  const lock_guard guard{mutex_};
  last_answer_ = ok();
  ranks_ = std::move(ranks);
}

void cluster_watch::ask_streams() {
  // The workers first, so that the router's answer is never behind theirs for
  // longer than messages take.
  for (auto each = answering_.begin(); each != answering_.end();) {
    const auto streams = cluster_.worker_streams(*each);
    if (streams) {
      ledger_.note(*streams);
    }
    const bool has_gone = !streams && !listed_.contains(*each);
    each = has_gone ? answering_.erase(each) : std::next(each);
  }
  const auto view = cluster_.streams();
  if (view) {
    ledger_.note(*view);
  }
}

cluster_watch::rank_list cluster_watch::ranks() const {
  const lock_guard guard{mutex_};
  return ranks_;
}

status cluster_watch::wait_for_ranks(std::chrono::milliseconds timeout,
                                     const stop_wait& stopped) const {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (ranks()->empty()) {
    if (stopped(settle_interval)) {
      return error{errc::closed, "stopped before a worker was there"};
    }
    if (std::chrono::steady_clock::now() > deadline) {
      const lock_guard guard{mutex_};
      return last_answer_ ? error{errc::unavailable,
                                  "the router knows no worker that serves"}
                          : last_answer_.error();
    }
  }
  return ok();
}

std::vector<stream_account>
cluster_watch::settle(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  end();
  for (;;) {
    ask_members();
    ask_streams();
    std::vector<stream_account> accounts = ledger_.accounts();
    if (unaccounted_events(accounts) == 0 ||
        std::chrono::steady_clock::now() > deadline) {
      return accounts;
    }
    std::this_thread::sleep_for(settle_interval);
  }
}

} // namespace dynamo::apps
