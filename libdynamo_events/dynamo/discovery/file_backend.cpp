#include "dynamo/discovery/file_backend.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace dynamo {

file_backend::file_backend(file_store store, file_timing timing,
                           notice_sink notice)
    : store_(std::move(store))
    , timing_(timing)
    , notice_(notice ? std::move(notice) : [](const std::string&) {})
    , keeper_(store_, timing_, notice_)
    , reaper_(store_, timing_) {}

status file_backend::advertise(const record& value, const file_moment& now) {
  const status done = keeper_.advertise(value, now);
  open(bucket_of(value), now);
  return done;
}

status file_backend::withdraw(const record& value) {
  return keeper_.withdraw(value);
}

result<std::vector<found_record>> file_backend::list(bucket where,
                                                     const file_moment& now) {
  room& used = open_and_see(where, now);
  rescan(where, used, now);
  tell();
  if (!used.directory.present()) {
    return error{errc::unavailable, used.directory.reason()};
  }
  return used.view.list(now);
}

void file_backend::watch(change_feed feed, const file_moment& now) {
  open_and_see(feed.where(), now);
  feeds_.push_back(std::move(feed));
  tell();
}

discovery_counts file_backend::counts() const {
  discovery_counts counts;
  counts.owned = keeper_.owned();
  counts.republished = keeper_.republished();
  counts.reaped = reaped_;
  counts.repaired = repaired_;
  for (const auto& [where, used] : rooms_) {
    counts.bad_records += used.view.bad_records();
  }
  return counts;
}

void file_backend::turn(const file_moment& now) {
  reaper_.observe(now);
  // First of all: a process that was stopped must show that it lives before it
  // looks who else does.
  const bool keeps_alive = now.steady >= keep_alive_due_;
  if (keeps_alive) {
    keeper_.keep_alive();
    keep_alive_due_ = now.steady + timing_.keep_alive;
  }
  take_notices(now);
  const bool rescans = now.steady >= rescan_due_;
  if (rescans) {
    rescan_due_ = now.steady + timing_.rescan;
  }
  for (auto& [where, used] : rooms_) {
    check(used, now);
    if (rescans && used.directory.watches_files()) {
      rescan(where, used, now);
    }
    if (keeps_alive && used.directory.present()) {
      reaped_ += reaper_.sweep(where, entries(where, used, now), keeper_, now);
    }
    used.view.settle(now);
  }
  tell();
}

std::chrono::steady_clock::time_point
file_backend::due(const file_moment& now) const {
  auto next = keep_alive_due_;
  for (const auto& [where, used] : rooms_) {
    if (used.directory.watches_files()) {
      next = std::min(next, rescan_due_);
    }
    if (!used.directory.present()) {
      next = std::min(next, now.steady + timing_.search);
    }
    if (const auto settles = used.view.due()) {
      next = std::min(next, *settles);
    }
  }
  return next;
}

file_backend::room& file_backend::open(bucket where, const file_moment& now) {
  const auto known = rooms_.find(where);
  if (known != rooms_.end()) {
    return known->second;
  }
  room fresh{file_directory{store_, watch_, notice_, where},
             file_view{store_, timing_, notice_, where}};
  room& used = rooms_.emplace(where, std::move(fresh)).first->second;
  check(used, now);
  if (!used.directory.present()) {
    used.view.lose(used.directory.reason());
  }
  return used;
}

file_backend::room& file_backend::open_and_see(bucket where,
                                               const file_moment& now) {
  room& used = open(where, now);
  if (!used.directory.watches_files()) {
    used.directory.watch_files();
    if (used.directory.present()) {
      fill(used, now);
    }
  }
  return used;
}

void file_backend::check(room& used, const file_moment& now) {
  // A lost directory may have a successor already.
  auto change = used.directory.check(now, timing_.keep_alive);
  if (change == directory_change::lost) {
    used.view.lose(used.directory.reason());
    change = used.directory.check(now, timing_.keep_alive);
  }
  if (change != directory_change::found) {
    return;
  }
  // Ours are put first, so that the scan finds them.
  keeper_.keep_alive();
  if (used.directory.watches_files()) {
    fill(used, now);
  }
}

void file_backend::fill(room& used, const file_moment& now) {
  used.view.regain(now);
  if (const auto found = store_.entries(used.directory.where())) {
    used.view.scan(*found, now);
  } else {
    used.directory.doubt();
  }
}

void file_backend::take_notices(const file_moment& now) {
  const file_notices taken = watch_.take();
  for (const file_notice& notice : taken.items) {
    apply(notice, now);
  }
  if (taken.overflowed) {
    rescan_due_ = now.steady;
  }
}

void file_backend::apply(const file_notice& notice, const file_moment& now) {
  for (auto& [where, used] : rooms_) {
    if (used.directory.path() != notice.directory) {
      continue;
    }
    switch (notice.what) {
    case file_notice::kind::changed:
      used.view.changed(notice.name, now);
      break;
    case file_notice::kind::gone:
      used.view.vanished(notice.name, now);
      break;
    case file_notice::kind::directory_lost:
      used.directory.doubt();
      break;
    }
  }
}

std::vector<file_entry> file_backend::entries(bucket where, room& used,
                                              const file_moment& now) {
  auto found = store_.entries(where);
  if (!found) {
    used.directory.doubt();
    check(used, now);
    return {};
  }
  return *std::move(found);
}

void file_backend::rescan(bucket where, room& used, const file_moment& now) {
  if (!used.directory.present()) {
    return;
  }
  take_notices(now);
  const auto found = store_.entries(where);
  if (!found) {
    used.directory.doubt();
    check(used, now);
    return;
  }
  const auto differing = used.view.scan(*found, now);
  // What notices tell right after the scan, it has not repaired.
  const file_notices late = watch_.take();
  std::set<std::string> told;
  for (const file_notice& notice : late.items) {
    if (notice.directory == used.directory.path()) {
      told.insert(notice.name);
    }
    apply(notice, now);
  }
  repaired_ += static_cast<std::uint64_t>(
      std::count_if(differing.begin(), differing.end(),
                    [&](const auto& name) { return !told.contains(name); }));
}

void file_backend::tell() {
  for (change_feed& feed : feeds_) {
    const auto used = rooms_.find(feed.where());
    if (used != rooms_.end() && feed.tell(used->second.view.picture()) &&
        feed.wake()) {
      feed.wake()();
    }
  }
}

} // namespace dynamo
