#include "dynamo/discovery/etcd_backend.hpp"

#include "dynamo/base/ids.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

etcd_backend::etcd_backend(etcd_backend_plan plan)
    : timing_(plan.timing)
    , times_(plan.times)
    , notice_(plan.notice ? std::move(plan.notice)
                          : notice_sink{[](const std::string&) {}})
    , client_(std::move(plan.access), timing_, notice_)
    , lease_(client_, plan.lease_ttl, notice_)
    , keeper_(client_, lease_, timing_, notice_)
    , random_(random_u64()) {}

void etcd_backend::list(bucket where, clock_time now, list_sink done) {
  lists_.emplace(next_list_++,
                 waiting_list{std::move(done), now + timing_.answer, where});
  serve_lists(now);
}

void etcd_backend::serve_lists(clock_time now) {
  std::vector<std::uint64_t> startable;
  std::vector<std::uint64_t> late;
  const bool is_away = !client_.is_ready() && !client_.outage().empty();
  for (const auto& [id, each] : lists_) {
    if (now >= each.deadline || is_away) {
      late.push_back(id);
    } else if (!each.asked && client_.is_ready()) {
      startable.push_back(id);
    }
  }
  for (const std::uint64_t id : late) {
    answer_list(id, error{errc::unavailable,
                          is_away ? client_.outage()
                                  : "etcd has not answered in time"});
  }
  for (const std::uint64_t id : startable) {
    waiting_list& each = lists_.at(id);
    each.asked = true;
    list_keys(client_, {each.where, false, timing_.page, timing_.keys_max},
              [this, id](result<etcd_snapshot> listed) {
                answer_list(id, std::move(listed));
              });
  }
}

void etcd_backend::answer_list(std::uint64_t id, result<etcd_snapshot> listed) {
  const auto found = lists_.find(id);
  if (found == lists_.end()) {
    return;
  }
  const waiting_list asked = std::move(found->second);
  lists_.erase(found);
  if (!listed) {
    asked.done(std::move(listed).error());
    return;
  }
  asked.done(open(asked.where).view.records_of(*listed));
}

void etcd_backend::watch(change_feed feed) {
  room& used = open(feed.where());
  if (!used.watch) {
    used.watch = std::make_unique<etcd_watch>(
        etcd_watch::parts{client_, keeper_, used.view, timing_, notice_},
        times_);
  }
  feeds_.push_back(std::move(feed));
}

etcd_backend::room& etcd_backend::open(bucket where) {
  auto& used = rooms_[where];
  if (!used) {
    used = std::make_unique<room>(where, notice_);
  }
  return *used;
}

discovery_counts etcd_backend::counts() const {
  discovery_counts counts;
  counts.owned = keeper_.owned();
  counts.republished = keeper_.republished();
  for (const auto& [where, used] : rooms_) {
    counts.bad_records += used->view.bad_records();
    counts.repaired += used->watch ? used->watch->repaired() : 0;
  }
  return counts;
}

std::string etcd_backend::refusal() const {
  return client_.is_refused() ? client_.failures() : lease_.refusal();
}

void etcd_backend::close(int wake_fd, clock_time deadline) {
  keeper_.close();
  for (auto& [id, each] : std::exchange(lists_, {})) {
    each.done(error{errc::closed, "discovery is closed"});
  }
  bool is_over = false;
  lease_.revoke([&is_over] { is_over = true; });
  while (!is_over) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return;
    }
    client_.run(wake_fd, left);
  }
}

void etcd_backend::turn(clock_time now) {
  client_.turn(now);
  lease_.turn(now);
  keeper_.turn(now);
  check_own(now);
  for (auto& [where, used] : rooms_) {
    if (used->watch) {
      used->watch->turn(now);
    }
  }
  serve_lists(now);
  tell();
}

/// A key that somebody deleted by hand comes back, also in a bucket that nobody
/// here watches.
void etcd_backend::check_own(clock_time now) {
  if (now < check_at_ || !client_.is_ready()) {
    return;
  }
  std::uniform_int_distribution<std::int64_t> around{
      times_.compare.count() * 9 / 10, times_.compare.count() * 11 / 10};
  check_at_ = now + std::chrono::milliseconds{around(random_)};
  keeper_.check();
}

etcd_backend::clock_time etcd_backend::due() const {
  clock_time next = std::min({client_.due(), lease_.due(), keeper_.due()});
  if (client_.is_ready()) {
    next = std::min(next, check_at_);
  }
  for (const auto& [where, used] : rooms_) {
    if (used->watch) {
      next = std::min(next, used->watch->due());
    }
  }
  for (const auto& [id, each] : lists_) {
    next = std::min(next, each.deadline);
  }
  return next;
}

void etcd_backend::tell() {
  for (change_feed& feed : feeds_) {
    if (feed.tell(open(feed.where()).view.picture()) && feed.wake()) {
      feed.wake()();
    }
  }
}

} // namespace dynamo
