#include "apps/bench/process_usage.hpp"
#include "apps/bench/roles/publish_loop.hpp"
#include "apps/bench/roles/roles.hpp"
#include "apps/bench/roles/stamp.hpp"

#include <nlohmann/json.hpp>

#include <numeric>
#include <sys/prctl.h>
#include <thread>

namespace dynamo::apps {

namespace {

using namespace std::chrono_literals;

constexpr auto warm_up_pause = 5ms;
/// With more publishers than this one thread serves all of them.
constexpr std::size_t threads_max = 4;

std::vector<std::vector<std::size_t>> shares_of(const end_request& end) {
  std::vector<std::size_t> all(end.publishers);
  std::iota(all.begin(), all.end(), 0);
  if (end.publishers > threads_max || end.caller == end_caller::actor) {
    return {all};
  }
  std::vector<std::vector<std::size_t>> shares;
  for (const std::size_t one : all) {
    shares.push_back({one});
  }
  return shares;
}

publish_loop::plan plan_of(const pub_options& options,
                           std::vector<std::size_t> publishers) {
  return {std::move(publishers),
          options.count,
          options.rate,
          options.burst,
          options.end.payload_bytes,
          0};
}

/// Sends warm-up messages until another command comes.
std::string warm_up(const pub_options& options, outlets& to,
                    role_console& console) {
  std::vector<std::size_t> all(options.end.publishers);
  std::iota(all.begin(), all.end(), 0);
  for (std::uint64_t round = 0;; ++round) {
    publish_loop once{
        to,
        {all, 1, 0, 1, options.end.payload_bytes, stamp::warm_up_bit | round}};
    while (once.step()) {
    }
    if (auto command = console.next_within(warm_up_pause)) {
      return *std::move(command);
    }
  }
}

void publish_all(const pub_options& options, outlets& to,
                 role_console& console) {
  // A sleep is then at most a few microseconds too long.
  prctl(PR_SET_TIMERSLACK, 1);
  std::vector<publish_loop> loops;
  const auto shares = shares_of(options.end);
  const double cpu_before = cpu_seconds();
  const std::uint64_t began = monotonic_ns();
  loops.reserve(shares.size());
  for (const auto& share : shares) {
    loops.emplace_back(to, plan_of(options, share));
  }
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < loops.size(); ++i) {
    threads.emplace_back([&to, &loop = loops[i]] {
      prctl(PR_SET_TIMERSLACK, 1);
      to.run([&loop] { return loop.step(); });
    });
  }
  to.run([&loop = loops.front()] { return loop.step(); });
  for (std::thread& thread : threads) {
    thread.join();
  }
  to.flush();
  const double elapsed_s = static_cast<double>(monotonic_ns() - began) * 1e-9;
  std::uint64_t sent = 0;
  std::uint64_t failed = 0;
  for (const publish_loop& loop : loops) {
    sent += loop.sent();
    failed += loop.failed();
  }
  const process_usage used = usage_now();
  console.say("result", {{"sent", sent},
                         {"errors", failed},
                         {"elapsed_s", elapsed_s},
                         {"cpu_s", used.cpu_s - cpu_before},
                         {"peak_rss_bytes", used.rss_peak_bytes},
                         {"threads", used.threads}});
}

} // namespace

void say_final(role_console& console, double cpu_before) {
  const process_usage used = usage_now();
  console.say("final", {{"cpu_s", used.cpu_s - cpu_before},
                        {"rss_bytes", used.rss_bytes},
                        {"peak_rss_bytes", used.rss_peak_bytes},
                        {"threads", used.threads},
                        {"fds", used.descriptors}});
}

status run_pub(const pub_options& options, role_console& console) {
  auto opened = open_outlets(options.end);
  if (!opened) {
    return std::move(opened).error();
  }
  outlets& to = **opened;
  double cpu_before = cpu_seconds();
  console.say("ready", {{"endpoints", to.endpoints()}});
  std::string command = console.next();
  while (command != "end") {
    if (command == "warm") {
      command = warm_up(options, to, console);
      continue;
    }
    if (command == "go") {
      cpu_before = cpu_seconds();
      publish_all(options, to, console);
    } else if (command == "final") {
      say_final(console, cpu_before);
    }
    command = console.next();
  }
  return ok();
}

} // namespace dynamo::apps
