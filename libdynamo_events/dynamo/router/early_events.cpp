#include "dynamo/router/early_events.hpp"

#include <iterator>
#include <utility>

namespace dynamo {

early_events::early_events(early_limits limits)
    : limits_(limits) {}

void early_events::keep(std::uint64_t publisher_id, router_event event) {
  auto at = publishers_.find(publisher_id);
  if (at == publishers_.end()) {
    if (publishers_.size() >= limits_.publishers_max) {
      ++dropped_;
      return;
    }
    at = publishers_.emplace(publisher_id, queue{}).first;
  }
  queue& events = at->second;
  const std::size_t blocks = block_count(event);
  while (!events.empty() && (events.size() >= limits_.events_max ||
                             blocks_ + blocks > limits_.blocks_max))
    drop_oldest(events);
  if (blocks_ + blocks <= limits_.blocks_max && limits_.events_max > 0) {
    events.push_back(std::move(event));
    ++events_;
    blocks_ += blocks;
  } else {
    ++dropped_;
  }
  if (events.empty())
    publishers_.erase(at);
}

void early_events::drop_oldest(queue& from) {
  blocks_ -= block_count(from.front());
  from.pop_front();
  --events_;
  ++dropped_;
}

std::vector<router_event> early_events::take(std::uint64_t publisher_id) {
  std::vector<router_event> taken;
  const auto at = publishers_.find(publisher_id);
  if (at == publishers_.end())
    return taken;
  for (router_event& event : at->second) {
    blocks_ -= block_count(event);
    taken.push_back(std::move(event));
  }
  events_ -= taken.size();
  publishers_.erase(at);
  return taken;
}

} // namespace dynamo
