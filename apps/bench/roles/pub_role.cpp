#include "apps/bench/roles/publish_loop.hpp"
#include "apps/bench/roles/roles.hpp"
#include "apps/bench/roles/serve.hpp"
#include "apps/bench/roles/stamp.hpp"

#include <nlohmann/json.hpp>

#include <numeric>
#include <sys/prctl.h>
#include <thread>

namespace dynamo::apps {

namespace {

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

/// One warm-up message of each publisher.
void warm_up_once(const pub_options& options, outlets& to,
                  std::uint64_t round) {
  std::vector<std::size_t> all(options.end.publishers);
  std::iota(all.begin(), all.end(), 0);
  publish_loop once{
      to,
      {all, 1, 0, 1, options.end.payload_bytes, stamp::warm_up_bit | round}};
  while (once.step()) {
  }
}

nlohmann::json publish_all(const pub_options& options, outlets& to) {
  // A sleep is then at most a few microseconds too long.
  prctl(PR_SET_TIMERSLACK, 1);
  std::vector<publish_loop> loops;
  const auto shares = shares_of(options.end);
  loops.reserve(shares.size());
  for (const auto& share : shares) {
    loops.emplace_back(to, plan_of(options, share));
  }
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < loops.size(); ++i) {
    // Threads inherit how exactly they sleep.
    threads.emplace_back(
        [&to, &loop = loops[i]] { to.run([&loop] { return loop.step(); }); });
  }
  to.run([&loop = loops.front()] { return loop.step(); });
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::uint64_t sent = 0;
  std::uint64_t failed = 0;
  for (const publish_loop& loop : loops) {
    sent += loop.sent();
    failed += loop.failed();
  }
  return {{"sent", sent}, {"errors", failed}};
}

} // namespace

status run_pub(const pub_options& options, role_console& console) {
  auto opened = open_outlets(options.end);
  if (!opened) {
    return std::move(opened).error();
  }
  outlets& to = **opened;
  std::uint64_t round = 0;
  serve_publisher({to, options.end.publishers,
                   [&] { warm_up_once(options, to, round++); },
                   [&] { return publish_all(options, to); }},
                  console);
  return ok();
}

} // namespace dynamo::apps
