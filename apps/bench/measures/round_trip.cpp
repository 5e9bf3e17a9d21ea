#include "apps/bench/measures/handover.hpp"
#include "apps/bench/measures/measure.hpp"
#include "apps/bench/measures/role_group.hpp"
#include "apps/bench/stage.hpp"

#include <chrono>
#include <utility>

namespace dynamo::apps {

namespace {

using namespace std::chrono_literals;

constexpr auto round_trips_time = 300s;
/// What else goes on with is_loaded: a stream of its own, through the same
/// software.
constexpr double load_rate = 50'000;
/// A thread that wakes for every message would take one of two cores.
constexpr std::uint64_t load_burst = 10;

struct round_trip_trial {
  contender who;
  transport_kind transport = transport_kind::zmq;
  std::uint64_t count = 20'000;
  bool is_loaded = false;
};

class round_trip_run {
 public:
  round_trip_run(const round_trip_trial& trial, stage& where)
      : trial_(trial)
      , group_(where) {}

  result<figures> run() {
    if (trial_.is_loaded) {
      if (const auto begun = begin_load(); !begun) {
        return begun.error();
      }
    }
    const auto echo = group_.start(trial_.who, "echo", {"--size", "200"});
    const auto ping = group_.start(
        trial_.who, "ping",
        {"--size", "200", "--count", std::to_string(trial_.count)});
    if (!echo || !ping) {
      return echo ? ping.error() : echo.error();
    }
    if (const auto met = introduce(*echo, *ping); !met) {
      return met.error();
    }
    const auto done = group_.converse(
        {{*ping, "warm", "warm"}, {*ping, "go", "result"}}, round_trips_time);
    if (!done) {
      return done.error();
    }
    if (load_) {
      // It would go on for minutes.
      group_.kill(*load_);
    }
    const auto times = done->value("rtt_ns", nlohmann::json::object());
    figures all{{"lost", done->value("lost", 0.0)}};
    for (const char* name : {"p50", "p90", "p99", "p999", "max"}) {
      all[std::string{name} + "_us"] = times.value(name, 0.0) / 1e3;
    }
    return all;
  }

 private:
  /// A publisher and a subscriber that go on until all is over.
  result<nlohmann::json> begin_load() {
    const auto count = static_cast<std::uint64_t>(load_rate) * 600;
    const auto publisher = group_.start(trial_.who, "pub",
                                        {"--topic", "load", "--size", "200",
                                         "--rate", std::to_string(load_rate),
                                         "--burst", std::to_string(load_burst),
                                         "--count", std::to_string(count)});
    if (!publisher) {
      return publisher.error();
    }
    load_ = *publisher;
    const auto subscriber =
        group_.start(trial_.who, "sub",
                     {"--topic", "load", "--size", "200", "--expect", "1"});
    if (!subscriber) {
      return subscriber.error();
    }
    return group_.converse({{*publisher, "warm", ""},
                            {*subscriber, "", "warm"},
                            {*publisher, "go", ""}});
  }

  /// Raw sockets are told of each other; the others find each other.
  result<nlohmann::json> introduce(role_group::number echo,
                                   role_group::number ping) {
    std::vector<role_group::step> steps;
    for (const std::string& endpoint : group_.endpoints_of(ping)) {
      steps.push_back({echo, "connect " + endpoint, ""});
    }
    for (const std::string& endpoint : group_.endpoints_of(echo)) {
      steps.push_back({ping, "connect " + endpoint, ""});
    }
    steps.push_back({echo, "open", ""});
    steps.push_back({ping, "open", ""});
    return group_.converse(steps);
  }

  const round_trip_trial& trial_;
  role_group group_;
  /// The publisher that goes on beside, if there is one.
  std::optional<role_group::number> load_;
};

result<figures> run_trial(const round_trip_trial& trial) {
  auto opened = stage::open(trial.transport);
  if (!opened) {
    return std::move(opened).error();
  }
  return round_trip_run{trial, **opened}.run();
}

std::vector<figure_spec> percentiles(std::optional<double> p50,
                                     std::optional<double> p99,
                                     std::optional<double> p999) {
  const auto bound = [](std::optional<double> value) {
    return value ? std::optional{target{*value, true}} : std::nullopt;
  };
  return {{"p50_us", "p50", "us", better::lower, bound(p50)},
          {"p99_us", "p99", "us", better::lower, bound(p99)},
          {"p999_us", "p99.9", "us", better::lower, bound(p999)}};
}

side side_of(const round_trip_trial& trial, const contender& who,
             std::vector<figure_spec> reported) {
  round_trip_trial own = trial;
  own.who = who;
  return {who.name, [own] { return run_trial(own); }, std::move(reported)};
}

} // namespace

result<std::vector<comparison>> run_round_trip(const run_options& options,
                                               const progress_sink& progress) {
  std::vector<turns> cases;
  for (const transport_kind transport :
       {transport_kind::zmq, transport_kind::nats}) {
    for (const bool is_loaded : {false, true}) {
      round_trip_trial trial;
      trial.transport = transport;
      trial.count = sized<std::uint64_t>(options, 20'000, 200);
      trial.is_loaded = is_loaded;
      turns one{"round-trip",
                std::string{transport == transport_kind::zmq ? "zmq" : "nats"} +
                    (is_loaded ? ", beside 50 k/s" : ", idle"),
                {}};
      one.sides.push_back(side_of(
          trial, ours(), {{"lost", "lost", "msgs", better::lower, never}}));
      one.sides.push_back(side_of(trial, raw(), percentiles(1.1, 1.3, {})));
      if (options.dynamo_peer) {
        one.sides.push_back(side_of(trial, dynamo_peer(options, "generic"),
                                    percentiles(1.0, 1.0, 1.0)));
      }
      cases.push_back(std::move(one));
    }
  }
  // What each thread costs that a message wakes on its way and on the way back.
  const auto count = sized<std::uint64_t>(options, 20'000, 200);
  cases.push_back(
      {"round-trip",
       "two threads",
       {{"ours", [count] { return result<figures>{measure_handover(count)}; },
         percentiles({}, {}, {})}}});
  return run_cases(cases, options, progress);
}

} // namespace dynamo::apps
