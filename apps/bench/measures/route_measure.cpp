#include "apps/bench/measures/measure.hpp"
#include "apps/bench/measures/role_group.hpp"
#include "apps/bench/roles/kv_workload.hpp"
#include "apps/bench/stage.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace dynamo::apps {

namespace {

using namespace std::chrono_literals;

struct route_trial {
  transport_kind transport = transport_kind::zmq;
  std::size_t workers = 1000;
  std::size_t publishers = 8;
  /// In all.
  double events_per_s = 0;
  std::uint64_t choices = 20'000;
  double choices_per_s = 2'000;
  bool over_http = false;
};

constexpr std::uint64_t events_per_message = 16;
/// Of a kv_workload: each chunk is stored and removed.
constexpr double events_per_request = 2 * kv_workload::chunks;

result<figures> run_route_trial(const route_trial& trial) {
  auto opened = stage::open(trial.transport);
  if (!opened) {
    return std::move(opened).error();
  }
  role_group group{**opened};
  const double seconds =
      static_cast<double>(trial.choices) / trial.choices_per_s;
  // Without events there are no publishers either.
  const double each = std::max(1.0, static_cast<double>(trial.publishers));
  const std::string publishers = std::to_string(trial.publishers);
  // Half a second more than the choices take.
  const auto events =
      static_cast<std::uint64_t>(trial.events_per_s * (seconds + 0.5) / each);
  const auto publisher =
      group.start(ours(), "kv-pub",
                  {"--of-workers", "--publishers", publishers, "--blocks", "13",
                   "--events", std::to_string(events), "--events-per-message",
                   std::to_string(events_per_message), "--rate",
                   std::to_string(trial.events_per_s / each)});
  if (!publisher) {
    return publisher.error();
  }
  std::vector<std::string> asked{
      "--publishers",
      publishers,
      "--workers",
      std::to_string(trial.workers),
      "--count",
      std::to_string(trial.choices),
      "--rate",
      std::to_string(trial.choices_per_s),
      "--stored-per-s",
      std::to_string(trial.events_per_s / each / events_per_request)};
  if (trial.over_http) {
    asked.push_back("--http");
  }
  const auto router = group.start(ours(), "route", std::move(asked));
  if (!router) {
    return router.error();
  }
  const auto limit =
      std::chrono::milliseconds{static_cast<long>(seconds * 3000)} + 60s;
  const auto chosen = group.converse({{*publisher, "warm", ""},
                                      {*router, "", "warm"},
                                      {*publisher, "go", ""},
                                      {*router, "go", "result"}},
                                     limit);
  if (!chosen) {
    return chosen.error();
  }
  if (const auto sent = group.converse({{*publisher, "", "result"}}, limit);
      !sent) {
    return sent.error();
  }
  const auto times = chosen->value("choose_ns", nlohmann::json::object());
  figures all{{"refused", chosen->value("refused", 0.0)},
              {"matched", chosen->value("matched", 0.0) * 100 /
                              static_cast<double>(trial.choices)},
              {"index_blocks", chosen->value("index_blocks", 0.0)}};
  for (const char* name : {"p50", "p99", "p999"}) {
    all[std::string{name} + "_us"] = times.value(name, 0.0) / 1e3;
  }
  return all;
}

} // namespace

result<std::vector<comparison>>
run_route_measure(const run_options& options, const progress_sink& progress) {
  struct way {
    bool over_http;
    double events_per_s;
    double choices_per_s;
  };
  // HTTP takes a thread's time on both sides.
  const way ways[] = {{false, 0, 2'000},
                      {false, 100'000, 2'000},
                      {true, 0, 500},
                      {true, 100'000, 500}};
  std::vector<turns> cases;
  for (const way& one : ways) {
    route_trial trial;
    trial.events_per_s = one.events_per_s / (options.is_quick ? 20 : 1);
    trial.choices_per_s = one.choices_per_s;
    trial.over_http = one.over_http;
    trial.choices = static_cast<std::uint64_t>(trial.choices_per_s *
                                               (options.is_quick ? 0.25 : 10));
    trial.workers = sized<std::size_t>(options, 1000, 50);
    const bool is_busy = one.events_per_s > 0;
    if (!is_busy) {
      trial.publishers = 0;
    }
    const auto wanted = is_busy && !one.over_http
                            ? std::optional{target{50, false}}
                            : std::nullopt;
    std::vector<figure_spec> reported{
        {"p50_us", "p50", "us", better::lower},
        {"p99_us", "p99", "us", better::lower, wanted},
        {"p999_us", "p99.9", "us", better::lower},
        {"refused", "refused", "", better::lower, never}};
    if (is_busy) {
      reported.push_back({"matched", "with blocks there", "%"});
    }
    cases.push_back(
        {"route",
         std::string{one.over_http ? "POST /route, " : "in the process, "} +
             (is_busy ? "100 k events/s" : "no events"),
         {{"ours", [trial] { return run_route_trial(trial); },
           std::move(reported)}}});
  }
  return run_cases(cases, options, progress);
}

} // namespace dynamo::apps
