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
  const bool is_paced = plan_.rate > 0;
  if (is_paced) {
    wait_for_tick();
  }
  const std::uint64_t most = is_paced ? plan_.burst : portion;
  const std::uint64_t end = std::min(plan_.count, next_ + most);
  for (; next_ < end; ++next_) {
    for (const std::size_t publisher : plan_.publishers) {
      send_one(publisher, plan_.index_base | next_);
    }
  }
  return next_ < plan_.count;
}

// Ticks are due at fixed times: a late one is made up for at once.
void publish_loop::wait_for_tick() {
  const double due_s = static_cast<double>(next_) / plan_.rate;
  sleep_until_ns(began_ns_ + static_cast<std::uint64_t>(due_s * 1e9));
}

void publish_loop::send_one(std::size_t publisher, std::uint64_t index) {
  store_stamp({index, monotonic_ns()}, payload_);
  ++(to_.send(publisher, payload_) ? sent_ : failed_);
}

} // namespace dynamo::apps
