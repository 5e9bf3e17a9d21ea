#include "apps/bench/measures/kv_trial.hpp"

#include "apps/bench/stage.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace dynamo::apps {

namespace {

using namespace std::chrono_literals;

constexpr auto kv_run_time = 300s;
constexpr auto kv_settle_time = 100ms;

} // namespace

result<figures> run_kv(const kv_trial& trial) {
  auto opened = stage::open(trial.transport);
  if (!opened) {
    return std::move(opened).error();
  }
  const std::uint64_t events = trial.events * trial.publishers;
  const std::string publishers = std::to_string(trial.publishers);
  role_group group{**opened};
  const auto publisher = group.start(
      trial.publisher, "kv-pub",
      {"--publishers", publishers, "--events", std::to_string(trial.events),
       "--events-per-message", std::to_string(trial.events_per_message),
       "--rate", std::to_string(trial.rate)});
  if (!publisher) {
    return publisher.error();
  }
  const auto router = group.start(
      trial.router, "kv-index",
      {"--publishers", publishers, "--expect", std::to_string(events)});
  if (!router) {
    return router.error();
  }
  if (const auto warm =
          group.converse({{*publisher, "warm", ""}, {*router, "", "warm"}});
      !warm) {
    return warm.error();
  }
  std::this_thread::sleep_for(kv_settle_time);
  const std::vector<pid_t> processes{group.pid_of(*publisher),
                                     group.pid_of(*router)};
  if (trial.on_warm) {
    trial.on_warm(processes);
  }
  const auto sent = group.converse({{*publisher, "go", "result"}}, kv_run_time);
  if (!sent) {
    return sent.error();
  }
  const auto done = group.result_of(*router);
  if (!done) {
    return done.error();
  }
  if (trial.on_arrived) {
    trial.on_arrived(processes);
  }
  const auto used = group.converse({{*publisher, "final", "final"}});
  if (!used) {
    return used.error();
  }
  const double arrived = std::max(1.0, done->value("events", 0.0));
  return figures{
      {"events_per_s", arrived / std::max(1e-9, done->value("elapsed_s", 0.0))},
      {"ingest_cpu_ns", done->value("cpu_s", 0.0) * 1e9 / arrived},
      {"pub_cpu_ns",
       used->value("cpu_s", 0.0) * 1e9 / static_cast<double>(events)},
      {"lost", done->value("lost", 0.0)},
      {"mismatched",
       done->value("matched_expected", 0.0) - done->value("matched", 0.0)},
      {"router_rss", done->value("peak_rss_bytes", 0.0)}};
}

} // namespace dynamo::apps
