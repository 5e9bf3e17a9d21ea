#include "dynamo/router/ended_requests.hpp"

namespace dynamo {

void ended_requests::add(std::uint64_t key,
                         std::optional<std::uint64_t> fingerprint,
                         clock::time_point now) {
  if (const auto at = ends_.find(key);
      at != ends_.end() && (!fingerprint || at->second.when == now)) {
    // The end, said once more.
    if (fingerprint)
      at->second.fingerprint = fingerprint;
    return;
  }
  ends_.insert_or_assign(key, end{fingerprint, now});
  order_.push_back({key, now});
  while (order_.size() > count_max_)
    forget_oldest();
}

bool ended_requests::is_late(std::uint64_t key, std::uint64_t fingerprint) {
  const auto at = ends_.find(key);
  if (at == ends_.end())
    return false;
  std::optional<std::uint64_t>& ended = at->second.fingerprint;
  if (!ended)
    ended = fingerprint;
  if (*ended == fingerprint)
    return true;
  ends_.erase(at);
  return false;
}

void ended_requests::expire(clock::time_point now) {
  while (!order_.empty() && now - order_.front().when >= kept_)
    forget_oldest();
}

void ended_requests::forget_oldest() {
  const mark oldest = order_.front();
  order_.pop_front();
  const auto at = ends_.find(oldest.key);
  if (at != ends_.end() && at->second.when == oldest.when)
    ends_.erase(at);
}

} // namespace dynamo
