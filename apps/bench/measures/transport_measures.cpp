#include "apps/bench/measures/measure.hpp"
#include "apps/bench/measures/stream_trial.hpp"

#include <utility>

namespace dynamo::apps {

namespace {

std::vector<std::size_t> sizes_of(const run_options& options) {
  return options.is_quick ? std::vector<std::size_t>{200}
                          : std::vector<std::size_t>{200, 1024};
}

constexpr transport_kind transports[] = {transport_kind::zmq,
                                         transport_kind::nats};
/// A rate that every side keeps, for its latency. In bursts: a thread that
/// wakes for every message would take one of two cores.
constexpr double paced_rate = 50'000;
constexpr std::uint64_t paced_burst = 10;

std::string name_of(transport_kind transport) {
  return transport == transport_kind::zmq ? "zmq" : "nats";
}

std::string case_name(transport_kind transport, std::size_t bytes) {
  return name_of(transport) + ", " + std::to_string(bytes) + " B";
}

contender with_flags(contender one, std::vector<std::string> publisher,
                     std::vector<std::string> subscriber) {
  one.publisher_flags.insert(one.publisher_flags.end(), publisher.begin(),
                             publisher.end());
  one.subscriber_flags.insert(one.subscriber_flags.end(), subscriber.begin(),
                              subscriber.end());
  return one;
}

stream_trial trial_of(transport_kind transport, std::size_t bytes,
                      const run_options& options) {
  stream_trial trial;
  trial.transport = transport;
  trial.payload_bytes = bytes;
  trial.count = sized<std::uint64_t>(options, 1'000'000, 20'000);
  return trial;
}

side stream_side(std::string name, stream_trial trial, contender publisher,
                 contender subscriber, std::vector<figure_spec> reported) {
  trial.publisher = std::move(publisher);
  trial.subscriber = std::move(subscriber);
  return {std::move(name), [trial] { return run_stream(trial); },
          std::move(reported)};
}

target at_least(double bound) {
  return {bound, true};
}

target at_most(double bound) {
  return {bound, true};
}

/// What every case shows of losses and memory, without a comparison. A PUB
/// socket at full speed drops what a subscriber does not keep up with.
std::vector<figure_spec> own_figures(transport_kind transport) {
  const bool is_nats = transport == transport_kind::nats;
  return {{"lost", "lost", "msgs", better::lower,
           is_nats ? std::optional{never} : std::nullopt},
          {"duplicates", "duplicates", "msgs", better::lower, never},
          {"pub_rss", "publisher memory", "MB", better::lower, {}, 1e6},
          {"sub_rss", "subscriber memory", "MB", better::lower, {}, 1e6},
          {"pub_allocations", "publisher allocations", "", better::lower},
          {"sub_allocations", "subscriber allocations", "", better::lower}};
}

std::vector<figure_spec> rate_and_cpu(const char* cpu_key,
                                      const char* cpu_label,
                                      std::optional<target> rate,
                                      std::optional<target> cpu) {
  return {{"received_per_s", "received", "k/s", better::higher, rate, 1e3},
          {cpu_key, cpu_label, "ns", better::lower, cpu}};
}

} // namespace

result<std::vector<comparison>> run_publish(const run_options& options,
                                            const progress_sink& progress) {
  struct way {
    const char* name;
    std::vector<std::string> flags;
    double zmq_bound;
    double nats_bound;
  };
  const way ways[] = {
      {"thread", {"--caller", "thread"}, 0.95, 1.0},
      {"actor", {"--caller", "actor"}, 0.95, 1.0},
      {"thread, single", {"--caller", "thread", "--batch-max", "1"}, 0.8, 0},
  };
  std::vector<turns> cases;
  for (const transport_kind transport : transports) {
    for (const std::size_t bytes : sizes_of(options)) {
      for (const way& one : ways) {
        // With NATS a batch waits for the server's answer to the one before
        // the last: batches of one message say nothing but how far it is away.
        if (transport == transport_kind::nats && one.nats_bound == 0) {
          continue;
        }
        const double bound =
            transport == transport_kind::zmq ? one.zmq_bound : one.nats_bound;
        const stream_trial trial = trial_of(transport, bytes, options);
        cases.push_back(
            {"publish",
             case_name(transport, bytes) + ", " + one.name,
             {stream_side("ours", trial, with_flags(ours(), one.flags, {}),
                          raw(), own_figures(transport)),
              stream_side("raw", trial, raw(), raw(),
                          rate_and_cpu("pub_cpu_ns", "publisher CPU",
                                       at_least(bound), {}))}});
      }
    }
  }
  return run_cases(cases, options, progress);
}

result<std::vector<comparison>> run_receive(const run_options& options,
                                            const progress_sink& progress) {
  std::vector<turns> cases;
  for (const transport_kind transport : transports) {
    const bool is_zmq = transport == transport_kind::zmq;
    for (const std::size_t bytes : sizes_of(options)) {
      for (const char* caller : {"actor", "thread"}) {
        const stream_trial trial = trial_of(transport, bytes, options);
        cases.push_back(
            {"receive",
             case_name(transport, bytes) + ", " +
                 (caller == std::string{"actor"} ? "actor" : "functions"),
             {stream_side("ours", trial, raw(),
                          with_flags(ours(), {}, {"--caller", caller}),
                          own_figures(transport)),
              stream_side("raw", trial, raw(), raw(),
                          rate_and_cpu("sub_cpu_ns", "subscriber CPU",
                                       at_least(is_zmq ? 1.0 : 0.95),
                                       is_zmq ? std::optional{at_most(1.1)}
                                              : std::nullopt))}});
      }
    }
  }
  return run_cases(cases, options, progress);
}

namespace {

/// Full speed, the highest rate without a loss (ZMQ), and the paced rate, in
/// one set of figures: full_*, loss_free_per_s, paced_*.
result<figures> run_all_speeds(const stream_trial& full,
                               const run_options& options) {
  auto all = run_stream(full);
  if (!all) {
    return all;
  }
  figures together;
  for (const auto& [key, value] : *all) {
    together["full_" + key] = value;
  }
  stream_trial paced = full;
  paced.rate = sized(options, paced_rate, 10'000.0);
  paced.burst = paced_burst;
  paced.count =
      static_cast<std::uint64_t>(paced.rate * sized(options, 2.0, 0.5));
  const auto at_rate = run_stream(paced);
  if (!at_rate) {
    return at_rate;
  }
  for (const auto& [key, value] : *at_rate) {
    together["paced_" + key] = value;
  }
  if (full.transport == transport_kind::zmq) {
    // Nobody can receive more without a loss than is sent at full speed.
    const auto found = find_loss_free_rate(full, all->at("sent_per_s") * 1.1,
                                           sized<std::size_t>(options, 6, 2),
                                           sized(options, 1.0, 0.1));
    if (!found) {
      return found;
    }
    together["loss_free_per_s"] = found->at("loss_free_per_s");
  }
  return together;
}

side speeds_side(const std::string& name, stream_trial trial,
                 const contender& both, const run_options& options,
                 std::vector<figure_spec> reported) {
  trial.publisher = both;
  trial.subscriber = both;
  return {name, [trial, options] { return run_all_speeds(trial, options); },
          std::move(reported)};
}

std::vector<figure_spec> beside_raw(bool is_zmq) {
  std::vector<figure_spec> all{
      {"full_received_per_s",
       "received at full speed",
       "k/s",
       better::higher,
       {},
       1e3},
      {"full_pub_cpu_ns", "publisher CPU", "ns", better::lower},
      {"full_sub_cpu_ns", "subscriber CPU", "ns", better::lower},
      {"paced_p50_us", "p50 at 50 k/s", "us", better::lower},
      {"paced_p99_us", "p99 at 50 k/s", "us", better::lower}};
  if (is_zmq) {
    all.insert(all.begin(), {"loss_free_per_s", "loss-free rate", "k/s",
                             better::higher, at_least(0.95), 1e3});
  }
  return all;
}

std::vector<figure_spec> beside_dynamo(bool is_zmq) {
  std::vector<figure_spec> all{
      {"full_received_per_s", "received at full speed", "k/s", better::higher,
       is_zmq ? std::optional<target>{} : at_least(1.25), 1e3},
      {"full_pub_cpu_ns", "publisher CPU", "ns", better::lower,
       at_most(is_zmq ? 0.25 : 0.35)},
      {"full_sub_cpu_ns", "subscriber CPU", "ns", better::lower, at_most(0.6)},
      {"paced_p50_us", "p50 at 50 k/s", "us", better::lower,
       is_zmq ? std::optional<target>{} : at_most(0.8)},
      {"paced_p99_us", "p99 at 50 k/s", "us", better::lower}};
  if (is_zmq) {
    all.insert(
        all.begin(),
        {"loss_free_per_s", "loss-free rate", "k/s", better::higher, {}, 1e3});
  }
  return all;
}

} // namespace

result<std::vector<comparison>> run_end_to_end(const run_options& options,
                                               const progress_sink& progress) {
  std::vector<turns> cases;
  for (const transport_kind transport : transports) {
    const bool is_zmq = transport == transport_kind::zmq;
    for (const std::size_t bytes : sizes_of(options)) {
      const stream_trial trial = trial_of(transport, bytes, options);
      turns one{"end-to-end", case_name(transport, bytes), {}};
      one.sides.push_back(speeds_side(
          "ours", trial, ours(), options,
          {{"full_lost", "lost at full speed", "msgs", better::lower,
            is_zmq ? std::nullopt : std::optional{never}},
           {"full_duplicates", "duplicates", "msgs", better::lower, never},
           {"paced_lost", "lost at 50 k/s", "msgs", better::lower, never}}));
      one.sides.push_back(
          speeds_side("raw", trial, raw(), options, beside_raw(is_zmq)));
      if (options.dynamo_peer) {
        one.sides.push_back(speeds_side("dynamo generic", trial,
                                        dynamo_peer(options, "generic"),
                                        options, beside_dynamo(is_zmq)));
        if (is_zmq) {
          one.sides.push_back(speeds_side("dynamo validated", trial,
                                          dynamo_peer(options, "validated"),
                                          options, beside_dynamo(is_zmq)));
        }
      }
      cases.push_back(std::move(one));
    }
  }
  return run_cases(cases, options, progress);
}

result<std::vector<comparison>> run_fan(const run_options& options,
                                        const progress_sink& progress) {
  // All publishers of a process are served by one thread, and so many messages
  // a second go to each subscriber whatever the number of publishers.
  constexpr double total_rate = 8'000;
  std::vector<turns> cases;
  const std::vector<std::size_t> subscriber_counts =
      options.is_quick ? std::vector<std::size_t>{1, 4}
                       : std::vector<std::size_t>{1, 4, 8};
  const std::vector<std::size_t> publisher_counts =
      options.is_quick ? std::vector<std::size_t>{1, 8}
                       : std::vector<std::size_t>{1, 8, 32, 128};
  for (const std::size_t subscribers : subscriber_counts) {
    for (const std::size_t publishers : publisher_counts) {
      stream_trial trial = trial_of(transport_kind::zmq, 200, options);
      trial.publishers_each = publishers;
      trial.subscriber_processes = subscribers;
      trial.rate = total_rate / static_cast<double>(publishers);
      trial.count =
          static_cast<std::uint64_t>(trial.rate * sized(options, 3.0, 0.5));
      cases.push_back(
          {"fan",
           std::to_string(publishers) + " to " + std::to_string(subscribers),
           {stream_side(
               "ours", trial, ours(), ours(),
               {{"received_per_s", "received", "k/s", better::higher, {}, 1e3},
                {"p50_us", "p50", "us", better::lower},
                {"p99_us", "p99", "us", better::lower},
                {"sub_threads", "subscriber threads", "", better::lower},
                {"sub_fds", "subscriber files", "", better::lower},
                {"sub_rss", "subscriber memory", "MB", better::lower, {}, 1e6},
                {"lost", "lost", "msgs", better::lower, never}})}});
    }
  }
  return run_cases(cases, options, progress);
}

} // namespace dynamo::apps
