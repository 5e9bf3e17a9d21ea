#include "dynamo/router/request_queue.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace dynamo {

namespace {

double wspt_weight(const queue_key& key) {
  const double tokens =
      static_cast<double>(std::max<std::uint64_t>(1, key.uncached_tokens));
  const double weight = (1 + key.priority) / tokens;
  // A priority may come from a client, and what is no number has no order.
  return std::isnan(weight) ? 0 : weight;
}

} // namespace

bool request_queue::turn::operator<(const turn& other) const {
  if (strict_priority != other.strict_priority)
    return strict_priority > other.strict_priority;
  if (weight != other.weight)
    return weight > other.weight;
  return order < other.order;
}

request_queue::request_queue(const queue_options& options)
    : options_(options) {}

bool request_queue::park(std::string request_id, const queue_key& key,
                         clock::time_point now) {
  if (waiting_.size() >= options_.requests_max || by_id_.contains(request_id)) {
    ++counts_.refused;
    return false;
  }
  // The list must stay in the order of time-outs.
  if (!waiting_.empty())
    now = std::max(now, waiting_.back().since);
  waiting_.push_back({std::move(request_id), turn_of(key), now});
  const auto at = std::prev(waiting_.end());
  seats_.insert({at->place, at});
  by_id_.emplace(at->id, at);
  ++counts_.parked;
  return true;
}

std::optional<std::string_view> request_queue::next() const {
  if (seats_.empty())
    return std::nullopt;
  return seats_.begin()->request->id;
}

void request_queue::release_next() {
  if (seats_.empty())
    return;
  take_off(seats_.begin()->request);
  ++counts_.released;
}

bool request_queue::cancel(std::string_view request_id) {
  const auto at = by_id_.find(request_id);
  if (at == by_id_.end())
    return false;
  take_off(at->second);
  ++counts_.cancelled;
  return true;
}

std::vector<std::string> request_queue::take_timed_out(clock::time_point now) {
  std::vector<std::string> ids;
  while (!waiting_.empty() &&
         now - waiting_.front().since >= options_.wait_max) {
    ids.push_back(waiting_.front().id);
    take_off(waiting_.begin());
    ++counts_.timed_out;
  }
  return ids;
}

std::optional<clock::time_point> request_queue::next_timeout() const {
  if (waiting_.empty())
    return std::nullopt;
  return waiting_.front().since + options_.wait_max;
}

bool request_queue::contains(std::string_view request_id) const {
  return by_id_.contains(request_id);
}

request_queue::turn request_queue::turn_of(const queue_key& key) {
  turn place{.strict_priority = key.strict_priority,
             .weight = 0,
             .order = arrivals_++};
  if (options_.policy == queue_policy::lcfs)
    place.order = -place.order;
  else if (options_.policy == queue_policy::wspt)
    place.weight = wspt_weight(key);
  return place;
}

void request_queue::take_off(waiting_list::iterator at) {
  seats_.erase({at->place, at});
  by_id_.erase(at->id);
  waiting_.erase(at);
}

} // namespace dynamo
