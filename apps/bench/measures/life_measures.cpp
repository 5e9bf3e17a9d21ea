#include "apps/bench/measures/measure.hpp"
#include "apps/bench/measures/role_group.hpp"
#include "apps/bench/measures/stream_trial.hpp"
#include "apps/bench/process_usage.hpp"
#include "apps/bench/stage.hpp"

#include <chrono>
#include <thread>
#include <utility>

// How processes find each other, what they cost while nothing happens, and how
// soon they go on after a failure.

namespace dynamo::apps {

namespace {

using namespace std::chrono_literals;

/// A quarter of what Dynamo 1.6.1 takes, whose router has 81 MB and whose
/// publisher 64: with all that a process of Dynamo has beside the crates of the
/// peer.
constexpr double router_mb_max = 81 / 4.0;
constexpr double worker_mb_max = 64 / 4.0;

figure_spec megabytes(std::string key, std::string name,
                      std::optional<target> wanted = {}) {
  return {std::move(key), std::move(name), "MB", better::lower, wanted, 1e6};
}

double seconds_since(std::uint64_t began_ns) {
  return static_cast<double>(monotonic_ns() - began_ns) * 1e-9;
}

/// A subscriber waits, a publisher process with so many publishers starts, and
/// all of them are heard.
result<figures> run_join_trial(const contender& who, std::size_t publishers,
                               stage::store records) {
  auto opened = stage::open(transport_kind::zmq, records);
  if (!opened) {
    return std::move(opened).error();
  }
  const std::string count = std::to_string(publishers);
  role_group group{**opened};
  const auto subscriber = group.start(who, "sub", {"--publishers", count});
  if (!subscriber) {
    return subscriber.error();
  }
  const std::uint64_t began = monotonic_ns();
  const auto publisher = group.start(who, "pub", {"--publishers", count});
  if (!publisher) {
    return publisher.error();
  }
  const double ready_s = seconds_since(began);
  const auto warm = group.converse(
      {{*publisher, "warm", ""}, {*subscriber, "", "warm"}}, 120s);
  if (!warm) {
    return warm.error();
  }
  const double heard_s = seconds_since(began);
  return figures{{"heard_ms", heard_s * 1e3}, {"ready_ms", ready_s * 1e3}};
}

/// What the processes cost while nothing happens, over `time`.
result<figures> run_idle_trial(const contender& who, std::size_t publishers,
                               std::chrono::milliseconds time) {
  auto opened = stage::open(transport_kind::zmq);
  if (!opened) {
    return std::move(opened).error();
  }
  role_group group{**opened};
  // The worker of this measure has one publisher, as a process has; the others
  // are there to be followed.
  const auto worker =
      group.start(who, "kv-pub", {"--publishers", "1", "--events", "1"});
  const auto others = group.start(
      who, "kv-pub",
      {"--publishers", std::to_string(publishers - 1), "--events", "1"});
  if (!worker || !others) {
    return worker ? others.error() : worker.error();
  }
  const auto router = group.start(who, "kv-index",
                                  {"--publishers", std::to_string(publishers),
                                   "--expect", std::to_string(publishers)});
  if (!router) {
    return router.error();
  }
  const auto warm = group.converse({{*worker, "warm", ""},
                                    {*others, "warm", ""},
                                    {*router, "", "warm"},
                                    {*worker, "final", "final"},
                                    {*others, "final", "final"}},
                                   120s);
  if (!warm) {
    return warm.error();
  }
  std::this_thread::sleep_for(1s);
  figures all;
  const auto read = [&](role_group::number one, const std::string& name,
                        double sign) -> status {
    const auto used = group.converse({{one, "final", "final"}});
    if (!used) {
      return used.error();
    }
    const double seconds = std::chrono::duration<double>(time).count();
    all[name + "_cpu_percent"] +=
        sign * used->value("cpu_s", 0.0) / seconds * 100;
    all[name + "_rss"] = used->value("rss_bytes", 0.0);
    all[name + "_own_rss"] = used->value("rss_own_bytes", 0.0);
    all[name + "_threads"] = used->value("threads", 0.0);
    return ok();
  };
  for (const double sign : {-1.0, 1.0}) {
    for (const auto& [one, name] :
         {std::pair{*worker, "worker"}, std::pair{*router, "router"}}) {
      if (const status done = read(one, name, sign); !done) {
        return done.error();
      }
    }
    if (sign < 0) {
      std::this_thread::sleep_for(time);
    }
  }
  return all;
}

/// A stream whose server or publisher is killed on its way.
class reconnect_run {
 public:
  static constexpr double rate = 1000;

  explicit reconnect_run(stage& where)
      : stage_(where)
      , group_(where) {}

  /// The server is killed and comes back; the publisher holds what it cannot
  /// send.
  result<figures> restart_server() {
    if (const status begun = begin(5000); !begun) {
      return begun.error();
    }
    std::this_thread::sleep_for(1s);
    stage_.stop_server();
    // What was on its way has arrived by then.
    std::this_thread::sleep_for(200ms);
    const auto before = received();
    if (const status again = stage_.start_server_again(); !again) {
      return again.error();
    }
    const std::uint64_t back = monotonic_ns();
    if (const status flows = wait_for_more(before); !flows) {
      return flows.error();
    }
    const double again_s = seconds_since(back);
    const auto done = group_.converse({{publisher_, "", "result"}}, 60s);
    if (!done) {
      return done.error();
    }
    const auto heard = group_.result_of(subscriber_);
    if (!heard) {
      return heard.error();
    }
    return figures{{"again_ms", again_s * 1e3},
                   {"lost", heard->value("lost", 0.0)}};
  }

  /// The publisher is killed, and another one takes its place.
  result<figures> restart_publisher() {
    if (const status begun = begin(1'000'000); !begun) {
      return begun.error();
    }
    std::this_thread::sleep_for(500ms);
    group_.kill(publisher_);
    const std::uint64_t gone = monotonic_ns();
    std::this_thread::sleep_for(200ms);
    const auto before = received();
    const auto next = group_.start(ours(), "pub", flags(2000));
    if (!next) {
      return next.error();
    }
    publisher_ = *next;
    if (const auto told = group_.converse({{publisher_, "go", ""}}); !told) {
      return told.error();
    }
    if (const status flows = wait_for_more(before); !flows) {
      return flows.error();
    }
    return figures{{"again_ms", seconds_since(gone) * 1e3}};
  }

 private:
  static std::vector<std::string> flags(std::uint64_t count) {
    return {"--rate", std::to_string(rate), "--count", std::to_string(count)};
  }

  status begin(std::uint64_t count) {
    const auto publisher = group_.start(ours(), "pub", flags(count));
    if (!publisher) {
      return publisher.error();
    }
    publisher_ = *publisher;
    const auto subscriber =
        group_.start(ours(), "sub", {"--expect", std::to_string(count)});
    if (!subscriber) {
      return subscriber.error();
    }
    subscriber_ = *subscriber;
    const auto begun = group_.converse({{publisher_, "warm", ""},
                                        {subscriber_, "", "warm"},
                                        {publisher_, "go", ""}});
    return begun ? ok() : status{begun.error()};
  }

  double received() {
    const auto progress =
        group_.converse({{subscriber_, "progress", "progress"}});
    return progress ? progress->value("received", 0.0) : 0;
  }

  status wait_for_more(double before) {
    const std::uint64_t began = monotonic_ns();
    while (received() <= before) {
      if (seconds_since(began) > 30) {
        return error{errc::unavailable, "nothing arrived for 30 s"};
      }
    }
    return ok();
  }

  stage& stage_;
  role_group group_;
  role_group::number publisher_ = 0;
  role_group::number subscriber_ = 0;
};

result<figures> run_restart(transport_kind transport) {
  auto opened = stage::open(transport);
  if (!opened) {
    return std::move(opened).error();
  }
  reconnect_run run{**opened};
  return transport == transport_kind::nats ? run.restart_server()
                                           : run.restart_publisher();
}

} // namespace

result<std::vector<comparison>> run_join(const run_options& options,
                                         const progress_sink& progress) {
  std::vector<turns> cases;
  const std::size_t many = sized<std::size_t>(options, 500, 20);
  for (const auto& [count, store] :
       {std::pair{std::size_t{1}, stage::store::file},
        {many, stage::store::file},
        {std::size_t{1}, stage::store::etcd},
        {many, stage::store::etcd}}) {
    const std::size_t publishers = count;
    const stage::store records = store;
    const bool is_one = publishers == 1;
    turns one{"join",
              (is_one ? "1 publisher, "
                      : std::to_string(publishers) + " publishers, ") +
                  std::string{records == stage::store::file ? "file" : "etcd"},
              {}};
    one.sides.push_back(
        {"ours",
         [=] { return run_join_trial(ours(), publishers, records); },
         {{"heard_ms", "first event of all", "ms", better::lower,
           is_one ? std::optional<target>{} : target{5000, false}}}});
    if (options.dynamo_peer) {
      const contender peer = dynamo_peer(options, "generic");
      one.sides.push_back(
          {"dynamo",
           [=] { return run_join_trial(peer, publishers, records); },
           {{"heard_ms", "first event of all", "ms", better::lower,
             target{1, true}}}});
    }
    cases.push_back(std::move(one));
  }
  return run_cases(cases, options, progress);
}

result<std::vector<comparison>> run_idle(const run_options& options,
                                         const progress_sink& progress) {
  const std::size_t publishers = sized<std::size_t>(options, 200, 8);
  const auto time = sized(options, 5000ms, 200ms);
  turns one{"idle", std::to_string(publishers) + " publishers", {}};
  one.sides.push_back(
      {"ours",
       [=] { return run_idle_trial(ours(), publishers, time); },
       {{"router_cpu_percent", "router CPU", "%", better::lower,
         target{1, false}},
        {"worker_cpu_percent", "worker CPU", "%", better::lower,
         target{0.2, false}},
        {"router_threads", "router threads", "", better::lower},
        {"worker_threads", "worker threads", "", better::lower},
        megabytes("router_rss", "router memory", target{router_mb_max, false}),
        megabytes("worker_rss", "worker memory", target{worker_mb_max, false}),
        megabytes("router_own_rss", "router memory, own"),
        megabytes("worker_own_rss", "worker memory, own")}});
  if (options.dynamo_peer) {
    const contender peer = dynamo_peer(options, "validated");
    one.sides.push_back(
        {"dynamo",
         [=] { return run_idle_trial(peer, publishers, time); },
         {{"router_cpu_percent", "router CPU", "%", better::lower},
          {"worker_cpu_percent", "worker CPU", "%", better::lower},
          megabytes("router_rss", "router memory"),
          megabytes("worker_rss", "worker memory"),
          megabytes("router_own_rss", "router memory, own"),
          megabytes("worker_own_rss", "worker memory, own")}});
  }
  return run_cases({one}, options, progress);
}

result<std::vector<comparison>> run_reconnect(const run_options& options,
                                              const progress_sink& progress) {
  return run_cases(
      {{"reconnect",
        "nats-server killed",
        {{"ours",
          [] { return run_restart(transport_kind::nats); },
          {{"again_ms", "flows again after", "ms", better::lower},
           {"lost", "lost", "msgs", better::lower, never}}}}},
       {"reconnect",
        "publisher killed",
        {{"ours",
          [] { return run_restart(transport_kind::zmq); },
          {{"again_ms", "another is heard after", "ms", better::lower}}}}}},
      options, progress);
}

} // namespace dynamo::apps
