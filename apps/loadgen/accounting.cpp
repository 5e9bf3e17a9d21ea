#include "apps/loadgen/accounting.hpp"

#include <algorithm>
#include <string_view>

namespace dynamo::apps {

namespace {

/// Whether one scope is the other, or contains it.
bool overlap(std::string_view left, std::string_view right) {
  if (left.size() > right.size()) {
    std::swap(left, right);
  }
  return right.starts_with(left) &&
         (right.size() == left.size() || right[left.size()] == '/');
}

} // namespace

std::uint64_t stream_account::unaccounted() const {
  const std::uint64_t known = received + dropped + lost;
  return published > known ? published - known : known - published;
}

void stream_ledger::note(const std::vector<published_stream>& streams) {
  for (const published_stream& each : streams) {
    published_[{each.topic, each.publisher_id}] = each;
  }
}

void stream_ledger::note(const router_streams& view) {
  subscriptions_ = view.subscriptions;
  for (const received_stream& each : view.streams) {
    received_[{each.topic, each.publisher_id}] = each;
  }
}

bool stream_ledger::is_followed(const published_stream& stream) const {
  return std::any_of(subscriptions_.begin(), subscriptions_.end(),
                     [&stream](const auto& each) {
                       return each.second == stream.topic &&
                              overlap(each.first, stream.scope);
                     });
}

std::vector<stream_account> stream_ledger::accounts() const {
  std::map<key, stream_account> all;
  for (const auto& [at, stream] : published_) {
    if (is_followed(stream)) {
      stream_account& account = all[at];
      account.worker_id = stream.worker_id;
      account.published = stream.sequence;
      // Until the router is asked below, what never went out is all we know.
      account.dropped = stream.dropped;
    }
  }
  for (const auto& [at, stream] : received_) {
    stream_account& account = all[at];
    // The router is asked after the workers and may be ahead of their answer.
    account.published = std::max(account.published, stream.next_sequence);
    account.received = stream.received;
    account.dropped =
        std::min(stream.missed, account.dropped + stream.dropped_here);
    account.lost = stream.missed - account.dropped;
    account.has_left = !stream.discovered;
    if (account.has_left) {
      account.lost_at_end = account.unaccounted();
      account.lost += account.lost_at_end;
    }
  }
  std::vector<stream_account> list;
  for (auto& [at, account] : all) {
    account.topic = at.first;
    account.publisher_id = at.second;
    list.push_back(std::move(account));
  }
  return list;
}

std::uint64_t unaccounted_events(const std::vector<stream_account>& accounts) {
  std::uint64_t sum = 0;
  for (const stream_account& each : accounts) {
    sum += each.unaccounted();
  }
  return sum;
}

} // namespace dynamo::apps
