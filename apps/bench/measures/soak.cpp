#include "apps/bench/measures/measure.hpp"
#include "apps/bench/measures/resident_series.hpp"
#include "apps/bench/measures/stream_trial.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

// Whether what goes fast goes fast for long: nothing lost, memory that does not
// grow, latencies at the end that are those of the beginning.

namespace dynamo::apps {

namespace {

/// That of what a publisher hands over at a time.
constexpr std::uint64_t burst = 32;
constexpr double share_of_peak = 0.8;
/// As scripts/soak.sh allows.
constexpr double growth_kib_per_minute_max = 512;
/// A machine that others use is not the same for ten minutes.
constexpr double drift_max = 2;

/// Messages a second: what arrives of a flood, or, where subscribers do not
/// keep pace with that, the most that go for a while without a loss. Queues
/// make a flood of a second look better than what lasts.
result<double> peak_of(const stream_trial& trial, bool is_quick) {
  constexpr std::size_t steps = 5;
  constexpr double seconds = 20;
  const auto flood = run_stream(trial);
  if (!flood) {
    return flood.error();
  }
  const double received = flood->at("received_per_s");
  if (is_quick || is_sustained(*flood)) {
    return received;
  }
  const auto found = find_loss_free_rate(trial, received, steps, seconds);
  if (!found) {
    return found.error();
  }
  if (found->at("loss_free_per_s") == 0) {
    return error{errc::unavailable,
                 "no rate was found at which nothing is lost"};
  }
  return found->at("loss_free_per_s");
}

result<figures> run_soak_trial(stream_trial trial, double minutes,
                               bool is_quick) {
  const auto peak = peak_of(trial, is_quick);
  if (!peak) {
    return peak.error();
  }
  trial.rate = share_of_peak * *peak;
  trial.burst = burst;
  trial.count = static_cast<std::uint64_t>(trial.rate * minutes * 60);
  std::unique_ptr<resident_series> resident;
  trial.on_warm = [&resident](const std::vector<pid_t>& processes) {
    resident = std::make_unique<resident_series>(processes);
  };
  auto done = run_stream(trial);
  if (!done) {
    return done;
  }
  (*done)["rate"] = trial.rate;
  (*done)["pub_growth"] = resident->growth_kib_per_minute(0);
  (*done)["sub_growth"] = resident->growth_kib_per_minute(1);
  (*done)["drift"] =
      done->at("last_p99_us") / std::max(1.0, done->at("first_p99_us"));
  return done;
}

} // namespace

result<std::vector<comparison>> run_soak(const run_options& options,
                                         const progress_sink& progress) {
  const auto growth =
      options.is_quick
          ? std::nullopt
          : std::optional{target{growth_kib_per_minute_max, false}};
  const auto drift =
      options.is_quick ? std::nullopt : std::optional{target{drift_max, false}};
  std::vector<turns> cases;
  for (const transport_kind transport :
       {transport_kind::zmq, transport_kind::nats}) {
    stream_trial trial;
    trial.publisher = ours();
    trial.subscriber = ours();
    trial.transport = transport;
    trial.count = sized<std::uint64_t>(options, 500'000, 20'000);
    const double minutes = options.is_quick ? 0.05 : options.soak_minutes;
    cases.push_back(
        {"soak",
         std::string{transport == transport_kind::zmq ? "zmq" : "nats"} +
             ", 80 % of the peak",
         {{"ours",
           [trial, minutes, is_quick = options.is_quick] {
             return run_soak_trial(trial, minutes, is_quick);
           },
           {{"rate", "rate", "k/s", better::higher, {}, 1e3},
            {"lost", "lost", "msgs", better::lower, never},
            {"p50_us", "p50", "us", better::lower},
            {"p99_us", "p99", "us", better::lower},
            {"max_us", "longest", "us", better::lower},
            {"drift", "p99, last third to first", "", better::lower, drift},
            {"pub_growth", "publisher grows", "KiB/min", better::lower, growth},
            {"sub_growth", "subscriber grows", "KiB/min", better::lower,
             growth},
            {"pub_rss", "publisher memory", "MB", better::lower, {}, 1e6},
            {"sub_rss", "subscriber memory", "MB", better::lower, {}, 1e6}}}}});
  }
  run_options once = options;
  once.pairs = 1;
  return run_cases(cases, once, progress);
}

} // namespace dynamo::apps
