#include "apps/bench/prediction_bench.hpp"

#include "dynamo/router/block_hash.hpp"
#include "dynamo/router/bucket_table.hpp"
#include "dynamo/router/predictor.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <unistd.h>

namespace dynamo::apps {

namespace {

using bench_clock = std::chrono::steady_clock;

std::uint64_t resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

prediction_look look_at(const predictor& predicted, std::uint64_t decisions) {
  prediction_look look;
  look.decisions = decisions;
  look.pairs = predicted.size();
  look.pruned = predicted.counts().pruned;
  look.expired = predicted.counts().expired;
  look.heap_bytes = predicted.heap_bytes();
  look.resident_bytes = resident_bytes();
  return look;
}

} // namespace

std::vector<prediction_look>
bench_prediction(const std::vector<trace_request>& trace,
                 const prediction_bench_options& options,
                 const std::function<void(const prediction_look&)>& shown) {
  predictor predicted{options.prediction, options.prediction.ttl, {}};
  const auto length = trace.back().arrival + std::chrono::seconds{1};
  const std::uint64_t interval =
      std::max<std::uint64_t>(1, options.decisions / options.looks);
  std::vector<prediction_look> looks;
  std::vector<std::uint64_t> local;
  auto since = bench_clock::now();
  for (std::uint64_t i = 0; i < options.decisions; ++i) {
    const std::uint64_t round = i / trace.size();
    const trace_request& request = trace[i % trace.size()];
    local.clear();
    for (const std::uint64_t id : request.block_ids) {
      local.push_back(mix(id + 1 + (round << 32)));
    }
    const clock::time_point now{std::chrono::duration_cast<clock::duration>(
                                    length * round + request.arrival) /
                                options.speed};
    predicted.expire(now);
    predicted.record({1 + i % options.workers, 0}, local,
                     sequence_hashes(local), now);
    if ((i + 1) % interval == 0) {
      prediction_look look = look_at(predicted, i + 1);
      const std::chrono::duration<double> passed = bench_clock::now() - since;
      look.per_second = static_cast<double>(interval) / passed.count();
      looks.push_back(look);
      shown(look);
      since = bench_clock::now();
    }
  }
  return looks;
}

bool is_flat(const std::vector<prediction_look>& looks) {
  if (looks.size() < 4) {
    return false;
  }
  const prediction_look& middle = looks[looks.size() / 2 - 1];
  const std::uint64_t heap_max = middle.heap_bytes + middle.heap_bytes / 20;
  const std::uint64_t resident_max =
      middle.resident_bytes + middle.resident_bytes / 20;
  return std::all_of(looks.begin() +
                         static_cast<std::ptrdiff_t>(looks.size() / 2),
                     looks.end(), [&](const prediction_look& look) {
                       return look.heap_bytes <= heap_max &&
                              look.resident_bytes <= resident_max;
                     });
}

} // namespace dynamo::apps
