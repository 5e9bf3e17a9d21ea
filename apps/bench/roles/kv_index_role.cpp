#include "apps/bench/process_usage.hpp"
#include "apps/bench/roles/kv_roles.hpp"
#include "apps/bench/roles/kv_workload.hpp"
#include "apps/bench/roles/plane_ends.hpp"
#include "apps/bench/roles/serve.hpp"
#include "apps/bench/roles/settings.hpp"
#include "dynamo/events/topic.hpp"
#include "dynamo/router/kv_router.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <set>
#include <utility>

namespace dynamo::apps {

namespace {

constexpr std::uint64_t blocks_per_event = 8;

/// A router's step 7, and how far it has come. `take` is called from one thread
/// at a time; the numbers are read from another.
class ingest {
 public:
  ingest(const router_options& options, std::size_t publishers,
         std::uint64_t expected)
      : publishers_expected_(publishers)
      , expected_(expected)
      , router_(options, 16) {}

  void take(const actors::received_event& one) {
    const auto* batch = std::get_if<kv_events>(&one.value);
    if (batch == nullptr) {
      return;
    }
    if (batch->empty()) {
      hear(one.publisher_id);
      return;
    }
    const clock::time_point now = time_.now();
    if (bound_.insert(one.publisher_id).second) {
      begin();
      const router_event& first = batch->front();
      static_cast<void>(router_.bind_source(
          one.publisher_id, {first.worker_id, first.event.dp_rank}, now));
    }
    static_cast<void>(router_.apply_events(one.publisher_id, *batch, now));
    const std::uint64_t events =
        events_.load(std::memory_order_relaxed) + batch->size();
    last_ns_ = monotonic_ns();
    events_.store(events, std::memory_order_release);
    if (events == expected_) {
      cpu_last_s_ = cpu_seconds();
      done_.store(true, std::memory_order_release);
    }
  }

  bool is_warm() const {
    return heard_count_.load(std::memory_order_acquire) >= publishers_expected_;
  }
  bool is_complete() const { return done_.load(std::memory_order_acquire); }
  std::uint64_t events() const {
    return events_.load(std::memory_order_acquire);
  }

  /// When no more comes.
  nlohmann::json result_json() {
    if (!is_complete()) {
      cpu_last_s_ = cpu_seconds();
    }
    const process_usage used = usage_now();
    return {{"events", events()},
            {"received", events()},
            {"lost", expected_ - events()},
            {"elapsed_s", static_cast<double>(last_ns_ - first_ns_) * 1e-9},
            {"cpu_s", cpu_last_s_ - cpu_first_s_},
            {"peak_rss_bytes", used.rss_peak_bytes},
            {"threads", used.threads},
            {"fds", used.descriptors},
            {"matched", matched_blocks()},
            {"matched_expected", expected_matches()}};
  }

 private:
  void hear(std::uint64_t publisher_id) {
    heard_.insert(publisher_id);
    heard_count_.store(heard_.size(), std::memory_order_release);
  }

  void begin() {
    if (first_ns_ == 0) {
      first_ns_ = monotonic_ns();
      cpu_first_s_ = cpu_seconds();
    }
  }

  /// The workload of a worker, as far as its events went.
  kv_workload workload_of(std::size_t number) const {
    kv_workload worker{number, number + 1, blocks_per_event};
    for (std::uint64_t i = 0; i < expected_ / publishers_expected_; ++i) {
      worker.next();
    }
    return worker;
  }

  std::uint64_t matched_blocks() const {
    std::uint64_t blocks = 0;
    for (std::size_t number = 0; number < publishers_expected_; ++number) {
      const kv_workload worker = workload_of(number);
      for (const std::uint64_t request : worker.whole_requests()) {
        const auto rows =
            router_.lookup().find_matches(worker.local_hashes(request));
        for (const rank_overlap& row : rows) {
          blocks += row.rank.worker_id == number + 1 ? row.device : 0;
        }
      }
    }
    return blocks;
  }

  std::uint64_t expected_matches() const {
    std::uint64_t blocks = 0;
    for (std::size_t number = 0; number < publishers_expected_; ++number) {
      blocks += workload_of(number).whole_requests().size() *
                kv_workload::chunks * blocks_per_event;
    }
    return blocks;
  }

  const std::size_t publishers_expected_;
  const std::uint64_t expected_;
  const system_clock time_;
  kv_router router_;
  std::set<std::uint64_t> heard_;
  std::set<std::uint64_t> bound_;
  std::uint64_t first_ns_ = 0;
  std::uint64_t last_ns_ = 0;
  double cpu_first_s_ = 0;
  double cpu_last_s_ = 0;
  std::atomic<std::size_t> heard_count_ = 0;
  std::atomic<std::uint64_t> events_ = 0;
  std::atomic<bool> done_ = false;
};

} // namespace

status run_kv_index(kv_index_options options, role_console& console) {
  options.end.topic = topics::kv_events;
  const auto settings = bench_settings(options.end.transport);
  if (!settings) {
    return settings.error();
  }
  ingest into{settings->router, options.end.publishers, options.expected};
  auto plane = start_bench_plane(options.end);
  if (!plane) {
    return std::move(plane).error();
  }
  (*plane)->subscribe(
      bench_scope(), options.end.topic,
      {[&into](const actors::received_event& one) { into.take(one); }, {}});
  serve_subscriber({[&] { return into.is_warm(); },
                    [&] { return into.is_complete(); },
                    [&] { return into.events(); }, [&] { (*plane)->stop(); },
                    [&] { return into.result_json(); }},
                   console);
  return ok();
}

} // namespace dynamo::apps
