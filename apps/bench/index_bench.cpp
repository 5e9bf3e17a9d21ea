#include "apps/bench/index_bench.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

namespace dynamo::apps {

namespace {

using bench_clock = std::chrono::steady_clock;

double seconds_since(bench_clock::time_point start) {
  return std::chrono::duration<double>(bench_clock::now() - start).count();
}

double percentile(std::vector<double>& values, double fraction) {
  if (values.empty()) {
    return 0;
  }
  const auto at = static_cast<std::size_t>(
      static_cast<double>(values.size() - 1) * fraction);
  std::nth_element(values.begin(),
                   values.begin() + static_cast<std::ptrdiff_t>(at),
                   values.end());
  return values[at];
}

double median(std::vector<double> values) {
  return percentile(values, 0.5);
}

void apply_all(prefix_index& index, const event_stream& stream) {
  for (const stream_step& step : stream.steps) {
    for (const kv_cache_event& event : step.events) {
      index.apply(step.rank, event, storage_tier::device);
    }
  }
}

std::uint64_t blocks_in(const std::vector<rank_overlap>& rows) {
  std::uint64_t blocks = 0;
  for (const rank_overlap& row : rows) {
    blocks += row.device;
  }
  return blocks;
}

/// Looks every request up; returns the times in microseconds, and adds what
/// was found.
std::vector<double> look_up_all(const prefix_index& index,
                                const event_stream& stream,
                                std::uint64_t& matched) {
  std::vector<double> times;
  times.reserve(stream.steps.size());
  for (const stream_step& step : stream.steps) {
    const auto start = bench_clock::now();
    const std::vector<rank_overlap> rows = index.find_matches(step.local);
    times.push_back(seconds_since(start) * 1e6);
    matched += blocks_in(rows);
  }
  return times;
}

void measure_ingest(const bench_candidate& candidate,
                    const event_stream& stream, bench_row& to) {
  const auto index = candidate.make();
  const auto start = bench_clock::now();
  apply_all(*index, stream);
  const double seconds = seconds_since(start);
  to.ingest =
      static_cast<double>(stream.stored + stream.removed) / seconds / 1e6;
  const index_size size = index->size();
  std::uint64_t pairs = 0;
  for (const std::uint64_t blocks : size.blocks) {
    pairs += blocks;
  }
  to.bytes_per_pair = static_cast<double>(size.bytes) /
                      static_cast<double>(std::max<std::uint64_t>(1, pairs));
  // Once to warm up, as an index that is asked is.
  std::uint64_t ignored = 0;
  look_up_all(*index, stream, ignored);
  std::vector<double> times = look_up_all(*index, stream, to.matched);
  to.idle_p50_us = percentile(times, 0.5);
  to.idle_p99_us = percentile(times, 0.99);
}

void measure_mixed(const bench_candidate& candidate, const event_stream& stream,
                   bench_row& to) {
  const auto index = candidate.make();
  const auto start = bench_clock::now();
  for (const stream_step& step : stream.steps) {
    to.matched += blocks_in(index->find_matches(step.local));
    for (const kv_cache_event& event : step.events) {
      index->apply(step.rank, event, storage_tier::device);
    }
  }
  to.mixed =
      static_cast<double>(stream.asked + stream.stored + stream.removed) /
      seconds_since(start) / 1e6;
}

void measure_beside(const bench_candidate& candidate,
                    const event_stream& stream, std::size_t readers,
                    bench_row& to) {
  const auto index = candidate.make();
  apply_all(*index, stream);
  std::atomic<bool> stop = false;
  std::vector<std::vector<double>> times(readers);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < readers; ++i) {
    threads.emplace_back([&, i] {
      while (!stop.load(std::memory_order_relaxed)) {
        std::uint64_t ignored = 0;
        std::vector<double> some = look_up_all(*index, stream, ignored);
        times[i].insert(times[i].end(), some.begin(), some.end());
      }
    });
  }
  const auto start = bench_clock::now();
  apply_all(*index, stream);
  const double seconds = seconds_since(start);
  stop = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
  const double all_seconds = seconds_since(start);
  std::vector<double> all;
  for (const std::vector<double>& some : times) {
    all.insert(all.end(), some.begin(), some.end());
  }
  to.beside_ingest =
      static_cast<double>(stream.stored + stream.removed) / seconds / 1e6;
  to.beside_lookups = static_cast<double>(all.size()) / all_seconds / 1e3;
  to.beside_p50_us = percentile(all, 0.5);
  to.beside_p99_us = percentile(all, 0.99);
}

double median_of(const std::vector<bench_row>& rows, double bench_row::*what) {
  std::vector<double> values;
  for (const bench_row& row : rows) {
    values.push_back(row.*what);
  }
  return median(std::move(values));
}

bench_row medians(const std::vector<bench_row>& rows) {
  bench_row middle;
  middle.name = rows.front().name;
  middle.matched = rows.front().matched;
  for (const auto what :
       {&bench_row::ingest, &bench_row::mixed, &bench_row::idle_p50_us,
        &bench_row::idle_p99_us, &bench_row::beside_p50_us,
        &bench_row::beside_p99_us, &bench_row::beside_lookups,
        &bench_row::beside_ingest, &bench_row::bytes_per_pair}) {
    middle.*what = median_of(rows, what);
  }
  return middle;
}

} // namespace

std::vector<bench_row> bench_indexes(const event_stream& stream,
                                     const std::vector<bench_candidate>& all,
                                     const bench_options& options) {
  std::vector<std::vector<bench_row>> rows(all.size());
  for (std::size_t repeat = 0; repeat < options.repeats; ++repeat) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      bench_row row;
      row.name = all[i].name;
      measure_ingest(all[i], stream, row);
      measure_mixed(all[i], stream, row);
      if (options.readers > 0) {
        measure_beside(all[i], stream, options.readers, row);
      }
      rows[i].push_back(std::move(row));
    }
  }
  std::vector<bench_row> middle;
  for (const std::vector<bench_row>& some : rows) {
    middle.push_back(medians(some));
  }
  return middle;
}

} // namespace dynamo::apps
