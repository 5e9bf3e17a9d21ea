#include "apps/bench/measures/stream_trial.hpp"

#include "apps/bench/measures/role_group.hpp"
#include "apps/bench/stage.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace dynamo::apps {

namespace {

using namespace std::chrono_literals;

/// What is sent meanwhile may be on its way still when "go" comes.
constexpr auto settle_time = 100ms;

std::chrono::milliseconds time_for(const stream_trial& trial) {
  const double paced_s =
      trial.rate > 0 ? static_cast<double>(trial.count) / trial.rate : 0;
  return 60s + std::chrono::milliseconds{static_cast<long>(paced_s * 1000)};
}

class stream_run {
 public:
  stream_run(const stream_trial& trial, stage& where)
      : trial_(trial)
      , group_(where) {}

  result<figures> run() {
    for (const auto step :
         {&stream_run::start, &stream_run::warm_up, &stream_run::publish,
          &stream_run::collect_arrivals, &stream_run::collect_costs}) {
      if (const status done = (this->*step)(); !done) {
        return done.error();
      }
    }
    return figures_;
  }

 private:
  status start() {
    const std::string count = std::to_string(trial_.count);
    const std::string size = std::to_string(trial_.payload_bytes);
    std::vector<std::string> flags{
        "--publishers", std::to_string(trial_.publishers_each),
        "--count",      count,
        "--size",       size,
        "--rate",       std::to_string(trial_.rate),
        "--burst",      std::to_string(trial_.burst)};
    for (std::size_t i = 0; i < trial_.publisher_processes; ++i) {
      const auto started = group_.start(trial_.publisher, "pub", flags);
      if (!started) {
        return started.error();
      }
      publishers_.push_back(*started);
    }
    flags = {"--publishers", std::to_string(trial_.publishers()),
             "--expect",     count,
             "--size",       size};
    for (std::size_t i = 0; i < trial_.subscriber_processes; ++i) {
      const auto started = group_.start(trial_.subscriber, "sub", flags);
      if (!started) {
        return started.error();
      }
      subscribers_.push_back(*started);
    }
    return ok();
  }

  status warm_up() {
    std::vector<role_group::step> steps;
    for (const auto one : publishers_) {
      steps.push_back({one, "warm", ""});
    }
    for (const auto one : subscribers_) {
      steps.push_back({one, "", "warm"});
    }
    if (const auto warm = group_.converse(steps); !warm) {
      return warm.error();
    }
    std::this_thread::sleep_for(settle_time);
    tell(trial_.on_warm);
    return ok();
  }

  void tell(const process_sink& whom) {
    if (!whom) {
      return;
    }
    std::vector<pid_t> processes;
    for (const auto* end : {&publishers_, &subscribers_}) {
      for (const auto one : *end) {
        processes.push_back(group_.pid_of(one));
      }
    }
    whom(processes);
  }

  status publish() {
    for (const auto one : publishers_) {
      if (const auto told = group_.converse({{one, "go", ""}}); !told) {
        return told.error();
      }
    }
    for (const auto one : publishers_) {
      const auto done =
          group_.converse({{one, "", "result"}}, time_for(trial_));
      if (!done) {
        return done.error();
      }
      figures_["sent"] += done->value("sent", 0.0);
      figures_["refused"] += done->value("errors", 0.0);
      figures_["pub_allocations"] += done->value("allocations", 0.0);
      raise("pub_s", done->value("elapsed_s", 0.0));
      raise("pub_rss", done->value("peak_rss_bytes", 0.0));
    }
    figures_["pub_allocations"] /= std::max(1.0, figures_["sent"]);
    figures_["sent_per_s"] = figures_["sent"] / figures_["pub_s"];
    return ok();
  }

  status collect_arrivals() {
    for (const auto one : subscribers_) {
      const auto done = group_.result_of(one);
      if (!done) {
        return done.error();
      }
      add_arrivals(*done);
    }
    const double received = std::max(1.0, figures_["received"]);
    figures_["sub_cpu_ns"] /= received;
    figures_["sub_allocations"] /= received;
    figures_["received_per_s"] = received /
                                 static_cast<double>(subscribers_.size()) /
                                 std::max(1e-9, figures_["sub_s"]);
    return ok();
  }

  void add_arrivals(const nlohmann::json& done) {
    for (const char* name : {"received", "lost", "duplicates"}) {
      figures_[name] += done.value(name, 0.0);
    }
    figures_["sub_cpu_ns"] += done.value("cpu_s", 0.0) * 1e9;
    figures_["sub_allocations"] += done.value("allocations", 0.0);
    raise("sub_s", done.value("elapsed_s", 0.0));
    raise("sub_rss", done.value("peak_rss_bytes", 0.0));
    raise("sub_threads", done.value("threads", 0.0));
    raise("sub_fds", done.value("fds", 0.0));
    const auto latency = done.value("latency_ns", nlohmann::json::object());
    for (const char* name : {"p50", "p90", "p99", "p999", "max"}) {
      raise(std::string{name} + "_us", latency.value(name, 0.0) / 1e3);
    }
    for (const char* third : {"first", "last"}) {
      const auto part = done.value(std::string{third} + "_third_ns",
                                   nlohmann::json::object());
      raise(std::string{third} + "_p99_us", part.value("p99", 0.0) / 1e3);
    }
  }

  /// What publishers have used until everything arrived.
  status collect_costs() {
    tell(trial_.on_arrived);
    double cpu_s = 0;
    for (const auto one : publishers_) {
      const auto done = group_.converse({{one, "final", "final"}});
      if (!done) {
        return done.error();
      }
      cpu_s += done->value("cpu_s", 0.0);
      raise("pub_threads", done->value("threads", 0.0));
      raise("pub_fds", done->value("fds", 0.0));
    }
    figures_["pub_cpu_ns"] = cpu_s * 1e9 / std::max(1.0, figures_["sent"]);
    return ok();
  }

  void raise(const std::string& key, double value) {
    double& most = figures_[key];
    most = std::max(most, value);
  }

  const stream_trial& trial_;
  role_group group_;
  std::vector<role_group::number> publishers_;
  std::vector<role_group::number> subscribers_;
  figures figures_;
};

} // namespace

result<figures> run_stream(const stream_trial& trial) {
  auto opened = stage::open(trial.transport);
  if (!opened) {
    return std::move(opened).error();
  }
  return stream_run{trial, **opened}.run();
}

bool is_sustained(const figures& run) {
  constexpr double lag_max = 1.1;
  return run.at("lost") == 0 && run.at("refused") == 0 &&
         run.at("sub_s") <= run.at("pub_s") * lag_max;
}

result<figures> find_loss_free_rate(stream_trial trial, double ceiling,
                                    std::size_t steps, double seconds) {
  figures best{{"loss_free_per_s", 0}};
  double low = 0;
  double high = ceiling;
  for (std::size_t step = 0; step < steps; ++step) {
    const double rate = (low + high) / 2;
    const auto each = rate / static_cast<double>(trial.publishers());
    trial.rate = each;
    // So that the pauses between ticks are long enough to be kept.
    trial.burst =
        std::max<std::uint64_t>(1, static_cast<std::uint64_t>(each / 20'000));
    trial.count = static_cast<std::uint64_t>(each * seconds);
    auto run = run_stream(trial);
    if (!run) {
      return run;
    }
    // A publisher that cannot keep the rate shows what it can do.
    const bool kept = run->at("pub_s") <= seconds * 1.05;
    if (kept && is_sustained(*run)) {
      low = rate;
      best = *std::move(run);
      best["loss_free_per_s"] = rate;
    } else {
      high = rate;
    }
  }
  return best;
}

} // namespace dynamo::apps
