#include "apps/bench/measures/kv_trial.hpp"
#include "apps/bench/measures/measure.hpp"
#include "apps/bench/measures/stream_trial.hpp"
#include "apps/bench/process_usage.hpp"

#include <array>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace dynamo::apps {

namespace {

/// Below that a thread is none of the reasons why something takes long.
constexpr double shown_ns_min = 20;
/// Of ZMQ: so fast that threads hardly sleep, and nothing is lost.
constexpr double kept_rate = 200'000;
constexpr std::uint64_t kept_burst = 50;

/// What the threads of a trial's processes have used between two moments.
class thread_times {
 public:
  using by_thread = std::map<std::string, double>;

  process_sink at_begin() {
    return [this](const std::vector<pid_t>& processes) {
      read(processes, begin_);
    };
  }
  process_sink at_end() {
    return
        [this](const std::vector<pid_t>& processes) { read(processes, end_); };
  }

  /// "publisher, ZMQbg/IO/0" and the nanoseconds that it takes for each of so
  /// many messages.
  figures for_each_of(double messages) const {
    constexpr std::array names{"publisher, ", "subscriber, "};
    figures all;
    for (std::size_t i = 0; i < end_.size(); ++i) {
      for (const auto& [thread, seconds] : end_[i]) {
        const auto before = begin_[i].find(thread);
        const double used =
            seconds - (before == begin_[i].end() ? 0 : before->second);
        all[names[i] + thread] = used * 1e9 / messages;
      }
    }
    return all;
  }

 private:
  using of_processes = std::array<by_thread, 2>;

  static void read(const std::vector<pid_t>& processes, of_processes& into) {
    for (std::size_t i = 0; i < into.size(); ++i) {
      into[i] = cpu_seconds_by_thread(processes[i]);
    }
  }

  of_processes begin_;
  of_processes end_;
};

/// Runs a trial of one publisher's and one subscriber's process.
template <class Trial>
result<figures> run_timed(Trial trial, result<figures> (*run)(const Trial&),
                          double messages) {
  thread_times times;
  trial.on_warm = times.at_begin();
  trial.on_arrived = times.at_end();
  const auto done = run(trial);
  if (!done) {
    return done;
  }
  return times.for_each_of(messages);
}

struct thread_case {
  std::string what;
  std::string side;
  std::function<result<figures>()> run;
};

std::vector<thread_case> stream_cases(const run_options& options) {
  std::vector<thread_case> all;
  for (const transport_kind transport :
       {transport_kind::zmq, transport_kind::nats}) {
    for (const contender& both : {ours(), raw()}) {
      const bool is_zmq = transport == transport_kind::zmq;
      stream_trial trial;
      trial.transport = transport;
      trial.count = sized<std::uint64_t>(options, 1'000'000, 20'000);
      // A subscriber that has lost something is stopped, and its threads are
      // gone before they can be asked.
      trial.rate = is_zmq ? kept_rate : 0;
      trial.burst = kept_burst;
      trial.publisher = both;
      trial.subscriber = both;
      all.push_back(
          {is_zmq ? "zmq, 200 B, 200 k/s" : "nats, 200 B", both.name, [trial] {
             return run_timed(trial, run_stream,
                              static_cast<double>(trial.count));
           }});
    }
  }
  return all;
}

thread_case ingest_case(const run_options& options) {
  kv_trial trial;
  trial.publisher = ours();
  trial.router = ours();
  trial.events = sized<std::uint64_t>(options, 600'000, 2'560);
  trial.events_per_message = 16;
  return {"ingest, 16 events a message", "ours", [trial] {
            return run_timed(trial, run_kv, static_cast<double>(trial.events));
          }};
}

/// One line for each thread that takes time.
std::vector<comparison> lines_of(const thread_case& one,
                                 const std::vector<figures>& runs) {
  std::map<std::string, std::vector<double>> of_threads;
  for (const figures& run : runs) {
    for (const auto& [thread, ns] : run) {
      of_threads[thread].push_back(ns);
    }
  }
  std::vector<comparison> lines;
  for (const auto& [thread, values] : of_threads) {
    if (spread_of(values).median < shown_ns_min) {
      continue;
    }
    comparison line;
    line.measure = "threads";
    line.what = one.what + ", " + one.side;
    line.figure = thread;
    line.unit = "ns";
    line.which = better::lower;
    line.ours_name = one.side;
    line.ours = values;
    lines.push_back(std::move(line));
  }
  return lines;
}

} // namespace

result<std::vector<comparison>> run_threads(const run_options& options,
                                            const progress_sink& progress) {
  std::vector<thread_case> cases = stream_cases(options);
  cases.push_back(ingest_case(options));
  std::erase_if(cases, [&options](const thread_case& one) {
    return one.what.find(options.only) == std::string::npos;
  });
  std::vector<std::vector<figures>> runs(cases.size());
  for (std::size_t pair = 0; pair < options.pairs; ++pair) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      if (options.is_stopping && options.is_stopping()) {
        return error{errc::closed, "interrupted"};
      }
      progress("threads, " + cases[i].what, pair + 1, options.pairs,
               cases[i].side);
      auto run = cases[i].run();
      if (!run) {
        return std::move(run).error();
      }
      runs[i].push_back(*std::move(run));
    }
  }
  std::vector<comparison> all;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    auto lines = lines_of(cases[i], runs[i]);
    all.insert(all.end(), std::make_move_iterator(lines.begin()),
               std::make_move_iterator(lines.end()));
  }
  return all;
}

} // namespace dynamo::apps
