#include "dynamo/router/replica_peer.hpp"

#include <algorithm>

namespace dynamo {

void digest_trail::advance(std::uint64_t current, clock::time_point now) {
  while (!past_.empty() &&
         (now - past_.front().until > kept_ || past_.size() > length_max))
    past_.pop_front();
  if (current == current_)
    return;
  past_.push_back({current_, now});
  current_ = current;
}

bool digest_trail::holds(std::uint64_t digest, clock::time_point now) const {
  return digest == current_ ||
         std::ranges::any_of(past_, [&](const past& each) {
           return each.digest == digest && now - each.until <= kept_;
         });
}

} // namespace dynamo
