#include "apps/bench/roles/index_role.hpp"

#include "apps/bench/percentiles.hpp"
#include "apps/bench/process_usage.hpp"
#include "apps/bench/roles/measured_index.hpp"
#include "apps/bench/roles/trace_workload.hpp"

#include <CLI/CLI.hpp>
#include <malloc.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <sys/prctl.h>
#include <utility>

namespace dynamo::apps {

namespace {

/// Answers that are compared with what the caches hold.
constexpr std::size_t checked_max = 2000;
constexpr std::size_t lookup_rounds = 3;
/// So often the queue is drained when only memory counts.
constexpr std::size_t requests_per_drain = 64;

const std::map<std::string, index_kind> index_kinds{{"flat", index_kind::flat},
                                                    {"tree", index_kind::tree},
                                                    {"map", index_kind::map}};
const std::map<std::string, index_phase> index_phases{
    {"ingest", index_phase::ingest},
    {"mixed", index_phase::mixed},
    {"memory", index_phase::memory}};

using request_list = std::vector<workload_request>;

std::unique_ptr<measured_index>
make_index(const index_options_of_bench& options) {
  auto index = make_measured_index(options.which);
  return options.threads == 0 ? std::move(index)
                              : make_queued_index(std::move(index));
}

/// Hands over all events of a request; they are gone then.
void feed(measured_index& index, workload_request& request) {
  for (kv_cache_event& event : request.events) {
    index.apply(request.rank, std::move(event));
  }
  request.events = {};
}

void feed_all(measured_index& index, request_list& requests) {
  for (workload_request& request : requests) {
    feed(index, request);
  }
  index.drain();
}

/// A workload whose timed cycles are made before the clock starts.
struct play {
  trace_workload workload;
  request_list warm;
  request_list timed;
};

play play_of(const index_options_of_bench& options,
             const std::vector<trace_request>& trace) {
  play made{{options.workers, options.capacity}, {}, {}};
  const auto add = [&](request_list& to, std::uint64_t cycle) {
    request_list some = made.workload.play(trace, cycle);
    std::move(some.begin(), some.end(), std::back_inserter(to));
  };
  for (std::uint64_t cycle = 0; cycle < options.warm_cycles; ++cycle) {
    add(made.warm, cycle);
  }
  made.workload.reset_mix();
  for (std::uint64_t i = 0; i < options.cycles; ++i) {
    add(made.timed, options.warm_cycles + i);
  }
  return made;
}

std::size_t wrong_answers(const measured_index& index, const play& played) {
  std::size_t wrong = 0;
  const std::size_t count = std::min(checked_max, played.timed.size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto& local = played.timed[played.timed.size() - 1 - i].local;
    std::vector<std::pair<std::uint64_t, std::uint32_t>> found;
    for (const rank_overlap& row : index.answer(local)) {
      if (row.device > 0) {
        found.emplace_back(row.rank.worker_id, row.device);
      }
    }
    std::sort(found.begin(), found.end());
    wrong += found != played.workload.expected(local) ? 1 : 0;
  }
  return wrong;
}

nlohmann::json rate_json(std::uint64_t block_ops, std::uint64_t began_ns) {
  const double seconds = static_cast<double>(monotonic_ns() - began_ns) * 1e-9;
  return {{"block_ops", block_ops},
          {"elapsed_s", seconds},
          {"block_ops_per_s", static_cast<double>(block_ops) / seconds}};
}

/// The rate of lookups, and the time of each, on an index that stands still.
void look_up(const measured_index& index, std::span<workload_request> requests,
             nlohmann::json& to) {
  const std::uint64_t began = monotonic_ns();
  std::size_t rows = 0;
  for (std::size_t round = 0; round < lookup_rounds; ++round) {
    for (const workload_request& request : requests) {
      rows += index.find(request.local);
    }
  }
  const double seconds = static_cast<double>(monotonic_ns() - began) * 1e-9;
  const auto lookups = static_cast<double>(requests.size() * lookup_rounds);
  std::vector<std::uint64_t> times;
  times.reserve(requests.size());
  for (const workload_request& request : requests) {
    const std::uint64_t before = monotonic_ns();
    rows += index.find(request.local);
    times.push_back(monotonic_ns() - before);
  }
  to["lookups_per_s"] = lookups / seconds;
  to["rows_per_lookup"] = static_cast<double>(rows) /
                          static_cast<double>(requests.size()) /
                          static_cast<double>(lookup_rounds + 1);
  to["lookup_ns"] = percentiles_json(times);
}

nlohmann::json measure_ingest(const index_options_of_bench& options,
                              play& played) {
  const auto index = make_index(options);
  feed_all(*index, played.warm);
  played.warm = {};
  const workload_mix& mix = played.workload.mix();
  const std::uint64_t began = monotonic_ns();
  feed_all(*index, played.timed);
  auto result = rate_json(mix.stored + mix.removed, began);
  result["wrong_answers"] = wrong_answers(*index, played);
  const std::size_t per_cycle = played.timed.size() / options.cycles;
  look_up(*index, std::span{played.timed}.last(per_cycle), result);
  return result;
}

nlohmann::json measure_mixed(const index_options_of_bench& options,
                             play& played) {
  const auto index = make_index(options);
  feed_all(*index, played.warm);
  played.warm = {};
  const workload_mix& mix = played.workload.mix();
  std::vector<std::uint64_t> times;
  times.reserve(played.timed.size());
  const std::uint64_t began = monotonic_ns();
  for (std::size_t i = 0; i < played.timed.size(); ++i) {
    if (options.request_rate > 0) {
      sleep_until_ns(began +
                     static_cast<std::uint64_t>(static_cast<double>(i) /
                                                options.request_rate * 1e9));
    }
    const std::uint64_t before = monotonic_ns();
    index->find(played.timed[i].local);
    times.push_back(monotonic_ns() - before);
    feed(*index, played.timed[i]);
  }
  index->drain();
  auto result = rate_json(mix.looked_up + mix.stored + mix.removed, began);
  result["lookup_ns"] = percentiles_json(times);
  result["wrong_answers"] = wrong_answers(*index, played);
  return result;
}

std::uint64_t heap_bytes() {
  const auto now = mallinfo2();
  return now.uordblks + now.hblkhd;
}

nlohmann::json measure_memory(const index_options_of_bench& options,
                              const std::vector<trace_request>& trace) {
  const std::uint64_t before = heap_bytes();
  const auto index = make_index(options);
  std::uint64_t pairs = 0;
  {
    play played = play_of(options, trace);
    for (request_list* requests : {&played.warm, &played.timed}) {
      for (std::size_t i = 0; i < requests->size(); ++i) {
        feed(*index, (*requests)[i]);
        if (i % requests_per_drain == 0) {
          index->drain();
        }
      }
    }
    index->drain();
    pairs = played.workload.pairs();
  }
  malloc_trim(0);
  const std::uint64_t counted = index->bytes();
  const std::uint64_t bytes = counted > 0 ? counted : heap_bytes() - before;
  return {{"pairs", pairs},
          {"bytes_per_pair",
           static_cast<double>(bytes) / static_cast<double>(pairs)}};
}

} // namespace

void add_index(CLI::App& app, index_options_of_bench& to) {
  app.add_option("--trace", to.trace)->required();
  app.add_option("--which", to.which)
      ->transform(CLI::CheckedTransformer(index_kinds));
  app.add_option("--phase", to.phase)
      ->transform(CLI::CheckedTransformer(index_phases));
  app.add_option("--threads", to.threads)->check(CLI::Range(0, 1));
  app.add_option("--workers", to.workers)->check(CLI::PositiveNumber);
  app.add_option("--capacity", to.capacity)->check(CLI::PositiveNumber);
  app.add_option("--warm-cycles", to.warm_cycles);
  app.add_option("--cycles", to.cycles)->check(CLI::PositiveNumber);
  app.add_option("--request-rate", to.request_rate);
  app.add_option("--requests", to.requests);
}

status run_index_role(const index_options_of_bench& options,
                      role_console& console) {
  const auto trace = read_trace_file(options.trace, {0, options.requests});
  if (!trace) {
    return trace.error();
  }
  prctl(PR_SET_TIMERSLACK, 1);
  nlohmann::json result;
  if (options.phase == index_phase::memory) {
    result = measure_memory(options, *trace);
  } else {
    play played = play_of(options, *trace);
    result = options.phase == index_phase::ingest
                 ? measure_ingest(options, played)
                 : measure_mixed(options, played);
    const workload_mix& mix = played.workload.mix();
    result["events"] = mix.events;
    result["stored"] = mix.stored;
    result["removed"] = mix.removed;
    result["looked_up"] = mix.looked_up;
  }
  console.say("result", std::move(result));
  return ok();
}

} // namespace dynamo::apps
