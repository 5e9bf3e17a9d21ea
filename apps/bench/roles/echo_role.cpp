#include "apps/bench/percentiles.hpp"
#include "apps/bench/process_usage.hpp"
#include "apps/bench/roles/roles.hpp"
#include "apps/bench/roles/serve.hpp"
#include "apps/bench/roles/stamp.hpp"
#include "dynamo/base/mutex.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <optional>
#include <vector>

namespace dynamo::apps {

namespace {

using namespace std::chrono_literals;

constexpr auto reply_time = 5s;
/// A ping that is lost while connections are made is soon followed by another.
constexpr auto warm_reply_time = 50ms;
constexpr std::uint64_t warm_round_trips = 500;
/// Half a minute without a reply.
constexpr std::uint64_t warm_misses_max = 600;

end_request reply_of(end_request end) {
  end.topic += "-reply";
  end.endpoints.clear();
  return end;
}

/// The newest index that came back.
class reply_slot {
 public:
  void take(const arrival_view& message) {
    const auto mark = load_stamp(message.payload);
    if (!mark) {
      return;
    }
    const lock_guard guard{mutex_};
    index_ = mark->index;
    arrived_ns_ = monotonic_ns();
    changed_.notify_one();
  }

  /// When the reply to `index` came; nothing when it did not in time.
  std::optional<std::uint64_t> wait_for(std::uint64_t index,
                                        std::chrono::milliseconds time) {
    const auto deadline = std::chrono::steady_clock::now() + time;
    const lock_guard guard{mutex_};
    while (index_ != index) {
      if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) {
        return std::nullopt;
      }
    }
    return arrived_ns_;
  }

 private:
  mutex mutex_;
  condition changed_;
  std::optional<std::uint64_t> index_ DYNAMO_GUARDED_BY(mutex_);
  std::uint64_t arrived_ns_ DYNAMO_GUARDED_BY(mutex_) = 0;
};

class ping_run {
 public:
  ping_run(const ping_options& options, outlets& out, reply_slot& replies)
      : options_(options)
      , out_(out)
      , replies_(replies)
      , payload_(stamped_payload(options.end.payload_bytes)) {}

  /// Fails when replies stay away.
  status warm_up() {
    std::uint64_t done = 0;
    std::uint64_t missed = 0;
    for (std::uint64_t i = 0; done < warm_round_trips; ++i) {
      const bool came =
          round_trip(stamp::warm_up_bit | i, warm_reply_time).has_value();
      ++(came ? done : missed);
      if (missed > warm_misses_max) {
        return error{errc::unavailable,
                     "ping: expected " + std::to_string(warm_round_trips) +
                         " replies, got " + std::to_string(done)};
      }
    }
    return ok();
  }

  nlohmann::json measure() {
    std::vector<std::uint64_t> times;
    times.reserve(options_.count);
    const double cpu_before = cpu_seconds();
    const std::uint64_t began = monotonic_ns();
    for (std::uint64_t i = 0; i < options_.count; ++i) {
      if (options_.rate > 0) {
        sleep_until_ns(began +
                       static_cast<std::uint64_t>(static_cast<double>(i) /
                                                  options_.rate * 1e9));
      }
      if (const auto time = round_trip(i, reply_time)) {
        times.push_back(*time);
      }
    }
    return {{"received", times.size()},
            {"lost", options_.count - times.size()},
            {"cpu_s", cpu_seconds() - cpu_before},
            {"elapsed_s", static_cast<double>(monotonic_ns() - began) * 1e-9},
            {"rtt_ns", percentiles_json(times)}};
  }

 private:
  std::optional<std::uint64_t> round_trip(std::uint64_t index,
                                          std::chrono::milliseconds time) {
    const std::uint64_t sent = monotonic_ns();
    store_stamp({index, sent}, payload_);
    out_.send(0, payload_);
    const auto arrived = replies_.wait_for(index, time);
    return arrived ? std::optional{*arrived - sent} : std::nullopt;
  }

  const ping_options& options_;
  outlets& out_;
  reply_slot& replies_;
  byte_buffer payload_;
};

} // namespace

status run_echo(const end_request& options, role_console& console) {
  auto out = open_outlets(reply_of(options));
  if (!out) {
    return std::move(out).error();
  }
  console.say("ready", {{"endpoints", (*out)->endpoints()}});
  // A raw subscriber has to be told where to connect.
  end_request wanted = options;
  std::string command = console.next();
  while (command.starts_with("connect ")) {
    wanted.endpoints.push_back(command.substr(8));
    command = console.next();
  }
  auto in = open_inlet(wanted, [&out](const arrival_view& message) {
    (*out)->send(0, message.payload);
  });
  if (!in) {
    return std::move(in).error();
  }
  serve_rest(console, cpu_seconds());
  return ok();
}

status run_ping(const ping_options& options, role_console& console) {
  auto out = open_outlets(options.end);
  if (!out) {
    return std::move(out).error();
  }
  console.say("ready", {{"endpoints", (*out)->endpoints()}});
  reply_slot replies;
  end_request wanted = reply_of(options.end);
  std::string command = console.next();
  while (command.starts_with("connect ")) {
    wanted.endpoints.push_back(command.substr(8));
    command = console.next();
  }
  auto in = open_inlet(wanted, [&replies](const arrival_view& message) {
    replies.take(message);
  });
  if (!in) {
    return std::move(in).error();
  }
  ping_run run{options, **out, replies};
  const double cpu_before = cpu_seconds();
  for (; command != "end"; command = console.next()) {
    if (command == "warm") {
      if (const status warm = run.warm_up(); !warm) {
        return warm;
      }
      console.say("warm");
    } else if (command == "go") {
      console.say("result", run.measure());
    } else if (command == "final") {
      say_final(console, cpu_before);
    }
  }
  return ok();
}

} // namespace dynamo::apps
