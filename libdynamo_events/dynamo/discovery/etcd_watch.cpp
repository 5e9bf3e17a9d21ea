#include "dynamo/discovery/etcd_watch.hpp"

#include "dynamo/base/ids.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dynamo {

namespace {

/// So many attempts in a row fail before watchers are told.
constexpr std::uint32_t quiet_attempts = 2;

} // namespace

etcd_watch::etcd_watch(const parts& around, const etcd_watch_times& times)
    : around_(around)
    , times_(times)
    , random_(random_u64())
    , delay_(around.timing.retry, random_u64()) {}

void etcd_watch::turn(clock_time now) {
  around_.view.settle(now);
  if (!around_.client.is_ready()) {
    phase_ = phase::idle;
    if (!around_.client.outage().empty()) {
      around_.view.lose(around_.client.outage());
    }
    return;
  }
  if (connection_ != around_.client.connection()) {
    connection_ = around_.client.connection();
    phase_ = phase::idle;
    retry_at_ = now;
    is_repair_ = false;
    if (was_synced_) {
      around_.view.hold_until(now + times_.grace);
    }
  }
  if (phase_ == phase::idle && now >= retry_at_) {
    list();
  } else if (phase_ == phase::opening && now >= open_by_) {
    around_.client.leave("no answer to a watch");
  } else if (phase_ == phase::watching && now >= compare_at_ && !comparing_) {
    compare();
  }
}

etcd_watch::clock_time etcd_watch::due() const {
  const clock_time settled = around_.view.due().value_or(clock_time::max());
  if (!around_.client.is_ready()) {
    return settled;
  }
  switch (phase_) {
  case phase::idle:
    return std::min(settled, retry_at_);
  case phase::opening:
    return std::min(settled, open_by_);
  case phase::watching:
    return comparing_ ? settled : std::min(settled, compare_at_);
  case phase::listing:
    break;
  }
  return settled;
}

etcd_listing etcd_watch::listing(bool keys_only) const {
  return {around_.view.where(), keys_only, around_.timing.page,
          around_.timing.keys_max};
}

// -- Snapshot, then what comes after it

void etcd_watch::list() {
  phase_ = phase::listing;
  const std::uint64_t attempt = ++attempt_;
  list_keys(around_.client, listing(false),
            [this, attempt](result<etcd_snapshot> listed) {
              if (attempt == attempt_ && phase_ == phase::listing) {
                on_listed(std::move(listed));
              }
            });
}

void etcd_watch::on_listed(result<etcd_snapshot> listed) {
  if (!listed) {
    if (around_.client.is_ready()) {
      begin_again(listed.error().message);
    }
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  const std::size_t changed = around_.view.take(*listed, now);
  if (std::exchange(is_repair_, true)) {
    repaired_ += changed;
  }
  was_synced_ = true;
  open(listed->revision + 1);
}

void etcd_watch::open(std::int64_t revision) {
  phase_ = phase::opening;
  open_by_ = std::chrono::steady_clock::now() + times_.request;
  const std::string prefix = prefix_of(around_.view.where());
  const std::uint64_t attempt = attempt_;
  call_ = around_.client.open(
      etcd_method::watch,
      encode(etcd_watch_request{prefix, range_end_of(prefix), revision}),
      {[this, attempt](const std::string& message) {
         if (attempt == attempt_) {
           on_message(message);
         }
       },
       [this, attempt](const grpc_end& end) {
         if (attempt == attempt_) {
           on_end(end);
         }
       }});
}

void etcd_watch::on_message(const std::string& message) {
  const auto response = decode_watch(message);
  if (!response) {
    begin_again(to_string(response.error()));
    return;
  }
  if (response->canceled) {
    begin_again(response->compact_revision != 0
                    ? "revisions up to " +
                          std::to_string(response->compact_revision) +
                          " were compacted"
                    : "the watch was canceled: " + response->cancel_reason);
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (phase_ == phase::opening) {
    phase_ = phase::watching;
    comparing_ = false;
    suspects_.clear();
    compare_at_ = next_compare(now);
  }
  for (const etcd_watch_event& each : response->events) {
    around_.view.take(each, now);
    if (each.is_delete) {
      around_.keeper.deleted(each.value.key, each.value.mod_revision);
    } else {
      around_.keeper.changed(each.value.key, each.value.mod_revision);
    }
  }
}

void etcd_watch::on_end(const grpc_end& end) {
  call_ = 0;
  if (!end.answered || end.code == grpc_code::unavailable) {
    phase_ = phase::idle;
    around_.client.leave(end.reason);
    return;
  }
  begin_again("the watch ended: " +
              (end.reason.empty() ? "without a reason" : end.reason));
}

/// The bucket is listed anew, at once for the first time.
void etcd_watch::begin_again(const std::string& reason) {
  around_.client.close(std::exchange(call_, 0));
  phase_ = phase::idle;
  const auto now = std::chrono::steady_clock::now();
  retry_at_ = delay_.attempts() == 0 ? now : now + delay_.next();
  if (delay_.attempts() == 0) {
    static_cast<void>(delay_.next());
  }
  if (delay_.attempts() >= quiet_attempts && around_.client.is_ready()) {
    around_.view.lose(prefix_of(around_.view.where()) + ": " + reason);
  }
  around_.notice("etcd discovery: " + prefix_of(around_.view.where()) +
                 " is listed again: " + reason);
}

// -- Comparing

void etcd_watch::compare() {
  comparing_ = true;
  const std::uint64_t attempt = attempt_;
  list_keys(around_.client, listing(true),
            [this, attempt](result<etcd_snapshot> listed) {
              if (attempt == attempt_ && phase_ == phase::watching) {
                on_compared(std::move(listed));
              }
            });
}

void etcd_watch::on_compared(result<etcd_snapshot> listed) {
  comparing_ = false;
  const auto now = std::chrono::steady_clock::now();
  compare_at_ = next_compare(now);
  if (!listed) {
    if (around_.client.is_ready()) {
      begin_again(listed.error().message);
    }
    return;
  }
  const auto differing = around_.view.differences(*listed);
  if (differing.empty()) {
    suspects_.clear();
    delay_.reset();
    return;
  }
  std::set<etcd_view::difference> lasting;
  std::set_intersection(differing.begin(), differing.end(), suspects_.begin(),
                        suspects_.end(),
                        std::inserter(lasting, lasting.begin()));
  suspects_ = differing;
  if (lasting.empty()) {
    compare_at_ = now + around_.timing.recheck;
    return;
  }
  begin_again("the watch missed " + std::to_string(lasting.size()) +
              " changes");
}

etcd_watch::clock_time etcd_watch::next_compare(clock_time now) {
  std::uniform_int_distribution<std::int64_t> around{
      times_.compare.count() * 9 / 10, times_.compare.count() * 11 / 10};
  return now + std::chrono::milliseconds{around(random_)};
}

} // namespace dynamo
