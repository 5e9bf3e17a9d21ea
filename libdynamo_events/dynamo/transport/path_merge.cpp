#include "dynamo/transport/path_merge.hpp"

#include <algorithm>

namespace dynamo {

namespace {

/// Gaps of one publisher that are remembered, to tell what comes late from
/// what came before.
constexpr std::size_t missing_max = 64;

/// Of all publishers when there are too many; forgetting takes a look at all.
constexpr std::size_t forgotten_share = 16;

} // namespace

path_merge::path_merge(const path_merge_limits& limits, sink deliver)
    : limits_(limits)
    , deliver_(std::move(deliver)) {}

void path_merge::path_up(path_id path) {
  up_.insert(path);
}

void path_merge::path_down(path_id path, time_point now) {
  up_.erase(path);
  // A path that comes back starts anew.
  for (auto& [id, one] : streams_) {
    one.passed.erase(path);
  }
  for (const std::uint64_t id : std::vector(waiting_.begin(), waiting_.end())) {
    stream& one = streams_.at(id);
    settle(id, one, now);
  }
}

void path_merge::take(path_id path, std::uint64_t publisher_id,
                      std::uint64_t sequence, const maker& make,
                      time_point now) {
  stream& one = stream_of(publisher_id, sequence);
  one.heard_at = now;
  auto& passed = one.passed[path];
  passed = std::max(passed, sequence);
  if (sequence < one.next) {
    take_old(one, sequence);
    return;
  }
  if (sequence == one.next && one.held.empty()) {
    ++one.next;
    deliver_(make());
    return;
  }
  hold(one, sequence, make);
  settle(publisher_id, one, now);
}

path_merge::stream& path_merge::stream_of(std::uint64_t publisher_id,
                                          std::uint64_t sequence) {
  if (const auto found = streams_.find(publisher_id); found != streams_.end()) {
    return found->second;
  }
  if (streams_.size() >= limits_.publishers_max) {
    forget_silent();
  }
  stream fresh;
  fresh.first = sequence;
  fresh.next = sequence;
  return streams_.emplace(publisher_id, std::move(fresh)).first->second;
}

void path_merge::forget_silent() {
  std::vector<std::pair<time_point, std::uint64_t>> ages;
  for (const auto& [id, one] : streams_) {
    if (one.held.empty()) {
      ages.emplace_back(one.heard_at, id);
    }
  }
  const std::size_t count =
      std::min(ages.size(), streams_.size() / forgotten_share + 1);
  std::nth_element(ages.begin(),
                   ages.begin() + static_cast<std::ptrdiff_t>(count),
                   ages.end());
  for (std::size_t i = 0; i < count; ++i) {
    streams_.erase(ages[i].second);
  }
}

/// A number before the one that is due.
void path_merge::take_old(stream& one, std::uint64_t sequence) {
  if (sequence < one.first) {
    ++counts_.late;
    return;
  }
  for (auto at = one.missing.begin(); at != one.missing.end(); ++at) {
    if (sequence < at->first || sequence > at->second) {
      continue;
    }
    ++counts_.late;
    const range whole = *at;
    at = one.missing.erase(at);
    if (sequence < whole.second) {
      at = one.missing.insert(at, {sequence + 1, whole.second});
    }
    if (sequence > whole.first) {
      one.missing.insert(at, {whole.first, sequence - 1});
    }
    return;
  }
  ++counts_.duplicates;
}

void path_merge::hold(stream& one, std::uint64_t sequence, const maker& make) {
  if (one.held.contains(sequence)) {
    ++counts_.duplicates;
    return;
  }
  wire_message message = make();
  ++held_;
  held_bytes_ += message.envelope.size();
  one.held.emplace(sequence, std::move(message));
  counts_.recovered += sequence < one.held.rbegin()->first ? 1 : 0;
}

/// Delivers what is due, and gives up what cannot come any more.
void path_merge::settle(std::uint64_t publisher_id, stream& one,
                        time_point now) {
  while (!one.held.empty()) {
    const std::uint64_t first = one.held.begin()->first;
    if (first == one.next) {
      deliver_first(one);
    } else if (is_full() || !may_still_come(one, first)) {
      give_up_first_gap(one);
    } else {
      break;
    }
  }
  if (one.held.empty()) {
    one.deadline.reset();
    waiting_.erase(publisher_id);
    return;
  }
  waiting_.insert(publisher_id);
  if (!one.deadline) {
    one.deadline = now + limits_.gap_wait;
  }
}

void path_merge::deliver_first(stream& one) {
  auto node = one.held.extract(one.held.begin());
  --held_;
  held_bytes_ -= node.mapped().envelope.size();
  one.next = node.key() + 1;
  one.deadline.reset();
  deliver_(std::move(node.mapped()));
}

void path_merge::give_up_first_gap(stream& one) {
  const std::uint64_t first = one.held.begin()->first;
  counts_.missing += first - one.next;
  one.missing.emplace_back(one.next, first - 1);
  if (one.missing.size() > missing_max) {
    one.missing.erase(one.missing.begin());
  }
  one.next = first;
  one.deadline.reset();
}

/// Whether a path may bring a number before this one.
bool path_merge::may_still_come(const stream& one, std::uint64_t before) const {
  return std::any_of(up_.begin(), up_.end(), [&](path_id path) {
    const auto found = one.passed.find(path);
    return found == one.passed.end() || found->second < before;
  });
}

bool path_merge::is_full() const {
  return held_ > limits_.held_messages_max ||
         held_bytes_ > limits_.held_bytes_max;
}

void path_merge::expire(time_point now) {
  for (const std::uint64_t id : std::vector(waiting_.begin(), waiting_.end())) {
    stream& one = streams_.at(id);
    if (one.deadline && *one.deadline <= now) {
      give_up_first_gap(one);
      settle(id, one, now);
    }
  }
}

std::optional<path_merge::time_point> path_merge::next_deadline() const {
  std::optional<time_point> next;
  for (const std::uint64_t id : waiting_) {
    const auto& deadline = streams_.at(id).deadline;
    if (deadline && (!next || *deadline < *next)) {
      next = deadline;
    }
  }
  return next;
}

} // namespace dynamo
