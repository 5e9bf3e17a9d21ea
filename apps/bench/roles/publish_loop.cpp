#include "apps/bench/roles/publish_loop.hpp"

#include "apps/bench/process_usage.hpp"
#include "apps/bench/roles/stamp.hpp"

#include <algorithm>
#include <utility>

namespace dynamo::apps {

namespace {

// So many at a step where no rate says how many.
constexpr std::uint64_t portion = 64;

} // namespace

publish_loop::publish_loop(outlets& to, plan wanted)
    : to_(to)
    , plan_(std::move(wanted))
    , began_ns_(monotonic_ns())
    , payload_(stamped_payload(plan_.payload_bytes)) {}

bool publish_loop::step() {
  const std::uint64_t all = plan_.count * plan_.publishers.size();
  const bool is_paced = plan_.rate > 0;
  if (is_paced) {
    wait_for_tick();
  }
  const std::uint64_t most = is_paced ? plan_.burst : portion;
  const std::uint64_t end = std::min(all, next_ + most);
  for (; next_ < end; ++next_) {
    // In turn, so that no burst of all of them fills the receiver's queue.
    send_one(plan_.publishers[next_ % plan_.publishers.size()],
             plan_.index_base | next_ / plan_.publishers.size());
  }
  return next_ < all;
}

// Ticks are due at fixed times: a late one is made up for at once.
void publish_loop::wait_for_tick() {
  const double due_s =
      static_cast<double>(next_) /
      (plan_.rate * static_cast<double>(plan_.publishers.size()));
  sleep_until_ns(began_ns_ + static_cast<std::uint64_t>(due_s * 1e9));
}

void publish_loop::send_one(std::size_t publisher, std::uint64_t index) {
  store_stamp({index, monotonic_ns()}, payload_);
  ++(to_.send(publisher, payload_) ? sent_ : failed_);
}

} // namespace dynamo::apps
