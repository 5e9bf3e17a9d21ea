#include "apps/bench/roles/route_role.hpp"

#include "actors/event_plane.hpp"
#include "actors/routing.hpp"
#include "apps/bench/percentiles.hpp"
#include "apps/bench/process_usage.hpp"
#include "apps/bench/roles/kv_workload.hpp"
#include "apps/bench/roles/plane_ends.hpp"
#include "apps/bench/roles/route_asker.hpp"
#include "apps/bench/roles/serve.hpp"
#include "apps/bench/roles/settings.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <functional>
#include <random>
#include <sys/prctl.h>
#include <thread>
#include <utility>
#include <vector>

namespace dynamo::apps {

namespace {

using namespace std::chrono_literals;

constexpr auto meeting_time = 60s;
/// Prompts that are made before the clock starts, from the workload's first
/// requests on.
constexpr std::uint64_t prompts_max = 16'384;

bool within_time(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + meeting_time;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

actors::router_plan plan_of(const router_options& options) {
  actors::router_plan plan;
  plan.owner = bench_endpoint();
  plan.options = options;
  return plan;
}

/// What the router says of its one pool; nothing when it does not answer.
std::optional<actors::pool_report> pool_of(actors::routing& router) {
  auto report = router.report();
  if (!report || report->pools.empty()) {
    return std::nullopt;
  }
  return std::move(report->pools.front());
}

std::uint64_t blocks_on_devices(actors::routing& router) {
  const auto pool = pool_of(router);
  return pool ? pool->index.blocks.front() : 0;
}

status put_workers(actors::event_plane& plane, std::size_t count) {
  for (std::uint64_t id = 1; id <= count; ++id) {
    const status done = plane.put(endpoint_instance{
        "bench", "bench", "generate", id, "{\"http\":\"http://127.0.0.1:1\"}"});
    if (!done) {
      return done;
    }
  }
  return ok();
}

/// Prompts, and which of them a worker is likely to hold.
class prompt_list {
 public:
  explicit prompt_list(const route_options& options)
      : stored_per_s_(options.stored_per_s) {
    const kv_workload worker{0, 1, options.blocks};
    const double seconds =
        options.rate > 0 ? static_cast<double>(options.count) / options.rate
                         : 1;
    const auto wanted =
        static_cast<std::uint64_t>(stored_per_s_ * (seconds + 1)) +
        kv_workload::live_requests;
    for (std::uint64_t i = 0; i < std::min(prompts_max, wanted); ++i) {
      all_.push_back(worker.local_hashes(i));
    }
  }

  const std::vector<std::uint64_t>& next(double seconds) {
    // Neither the newest nor the oldest of those that are held.
    constexpr std::uint64_t margin = kv_workload::live_requests / 4;
    const auto newest = static_cast<std::uint64_t>(stored_per_s_ * seconds);
    const std::uint64_t back =
        margin + random_() % (kv_workload::live_requests - 2 * margin);
    const std::uint64_t wanted = newest > back ? newest - back : back;
    return all_[wanted % all_.size()];
  }

 private:
  double stored_per_s_;
  std::vector<std::vector<std::uint64_t>> all_;
  std::mt19937_64 random_{7};
};

result<nlohmann::json> choose_all(const route_options& options,
                                  prompt_list& prompts, route_asker& router) {
  std::vector<std::uint64_t> times;
  times.reserve(options.count);
  std::uint64_t refused = 0;
  std::uint64_t matched = 0;
  const std::uint64_t began = monotonic_ns();
  for (std::uint64_t i = 0; i < options.count; ++i) {
    if (options.rate > 0) {
      sleep_until_ns(began + static_cast<std::uint64_t>(static_cast<double>(i) /
                                                        options.rate * 1e9));
    }
    const std::string id = "request-" + std::to_string(i);
    const auto& hashes =
        prompts.next(static_cast<double>(monotonic_ns() - began) * 1e-9);
    const std::uint64_t before = monotonic_ns();
    const auto chosen = router.choose(id, hashes);
    times.push_back(monotonic_ns() - before);
    if (!chosen) {
      return chosen.error();
    }
    matched += *chosen == route_outcome::matched ? 1 : 0;
    refused += *chosen == route_outcome::refused ? 1 : 0;
    if (const status over = router.end(id); !over) {
      return over.error();
    }
  }
  const double seconds = static_cast<double>(monotonic_ns() - began) * 1e-9;
  return nlohmann::json{{"choices", options.count},
                        {"refused", refused},
                        {"matched", matched},
                        {"elapsed_s", seconds},
                        {"choose_ns", percentiles_json(times)}};
}

} // namespace

void add_route(CLI::App& app, route_options& to) {
  app.add_option("--workers", to.workers)->check(CLI::PositiveNumber);
  app.add_option("--blocks", to.blocks)->check(CLI::PositiveNumber);
  app.add_flag("--http", to.over_http);
  app.add_option("--stored-per-s", to.stored_per_s)
      ->check(CLI::NonNegativeNumber);
}

status run_route(const route_options& options, role_console& console) {
  const auto configuration = bench_configuration(options.end.transport);
  if (!configuration) {
    return configuration.error();
  }
  auto started = start_bench_plane(options.end);
  if (!started) {
    return std::move(started).error();
  }
  actors::event_plane& plane = **started;
  // Now, for publishers do not wait for it.
  prompt_list prompts{options};
  actors::routing router{plane, plan_of(configuration->values.router)};
  if (const status put = put_workers(plane, options.workers); !put) {
    return put;
  }
  const auto holds =
      [&](const std::function<bool(const actors::pool_report&)>& what) {
        return within_time([&] {
          const auto pool = pool_of(router);
          return pool && what(*pool);
        });
      };
  if (!holds(
          [&](const auto& pool) { return pool.members == options.workers; })) {
    return error{errc::unavailable, "the router does not know all workers"};
  }
  console.say("ready");
  if (!holds([&](const auto& pool) {
        return pool.sources_in_sync == options.end.publishers;
      })) {
    return error{errc::unavailable,
                 "the router does not follow all publishers"};
  }
  const system_clock clock;
  auto asked = options.over_http
                   ? ask_over_http({plane, router, *configuration, clock})
                   : ask_directly(router);
  if (!asked) {
    return asked.error();
  }
  console.say("warm");
  const double cpu_before = cpu_seconds();
  prctl(PR_SET_TIMERSLACK, 1);
  for (std::string command = console.next(); command != "end";
       command = console.next()) {
    if (command == "go") {
      auto done = choose_all(options, prompts, **asked);
      if (!done) {
        return done.error();
      }
      (*done)["index_blocks"] = blocks_on_devices(router);
      console.say("result", *std::move(done));
    } else if (command == "final") {
      say_final(console, cpu_before);
    }
  }
  return ok();
}

} // namespace dynamo::apps
