#include "apps/bench/roles/arrival_tally.hpp"

#include "apps/bench/allocation_count.hpp"
#include "apps/bench/process_usage.hpp"
#include "apps/bench/roles/stamp.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace dynamo::apps {

namespace {

/// The CPU time is read now and then, so that a run that loses its last
/// messages has one from near its end.
constexpr std::uint64_t messages_per_cpu_reading = 256;

} // namespace

arrival_tally::arrival_tally(std::size_t publishers,
                             std::uint64_t expected_each)
    : publishers_expected_(publishers)
    , expected_(publishers * expected_each) {
  publishers_.reserve(publishers);
}

void arrival_tally::take(const arrival_view& message) {
  const auto mark = load_stamp(message.payload);
  if (!mark) {
    return;
  }
  publisher& from = publisher_of(message.publisher_id);
  if (mark->is_warm_up()) {
    return;
  }
  const std::uint64_t now = monotonic_ns();
  if (received() == 0) {
    begin(now);
  }
  if (mark->index < from.next_index) {
    ++from.duplicates;
    return;
  }
  from.next_index = mark->index + 1;
  ++from.received;
  last_ns_ = now;
  const std::uint64_t count = received() + 1;
  const std::size_t third = std::min<std::uint64_t>(
      2, 3 * count / std::max<std::uint64_t>(1, expected_));
  latencies_[third].add(now - mark->sent_at_ns);
  received_.store(count, std::memory_order_relaxed);
  if (count % messages_per_cpu_reading == 0 || count == expected_) {
    cpu_last_s_ = cpu_seconds();
    allocations_last_ = allocations_of_process();
  }
  if (count == expected_) {
    done_.store(true, std::memory_order_release);
  }
}

void arrival_tally::begin(std::uint64_t now) {
  first_ns_ = now;
  cpu_first_s_ = cpu_seconds();
  cpu_last_s_ = cpu_first_s_;
  allocations_first_ = allocations_of_process();
  allocations_last_ = allocations_first_;
}

arrival_tally::publisher& arrival_tally::publisher_of(std::uint64_t id) {
  // Nearly always it is one of a few.
  for (publisher& one : publishers_) {
    if (one.id == id) {
      return one;
    }
  }
  publishers_.push_back({id, 0, 0, 0, 0});
  if (publishers_.size() == publishers_expected_) {
    warm_.store(true, std::memory_order_release);
  }
  return publishers_.back();
}

nlohmann::json arrival_tally::result_json() {
  std::uint64_t duplicates = 0;
  for (const publisher& one : publishers_) {
    duplicates += one.duplicates;
  }
  const std::uint64_t count = received();
  latency_histogram all = latencies_[0];
  all += latencies_[1];
  all += latencies_[2];
  const process_usage used = usage_now();
  return {{"received", count},
          {"lost", expected_ - std::min(expected_, count)},
          {"duplicates", duplicates},
          {"elapsed_s", static_cast<double>(last_ns_ - first_ns_) * 1e-9},
          {"cpu_s", cpu_last_s_ - cpu_first_s_},
          {"allocations", allocations_last_ - allocations_first_},
          {"peak_rss_bytes", used.rss_peak_bytes},
          {"threads", used.threads},
          {"fds", used.descriptors},
          {"latency_ns", all.percentiles_json()},
          {"first_third_ns", latencies_[0].percentiles_json()},
          {"last_third_ns", latencies_[2].percentiles_json()}};
}

} // namespace dynamo::apps
