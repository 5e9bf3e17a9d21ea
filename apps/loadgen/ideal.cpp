#include "apps/loadgen/ideal.hpp"

#include "apps/loadgen/prompt.hpp"
#include "apps/worker/generate_call.hpp"
#include "dynamo/router/block_hash.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <numeric>
#include <tuple>
#include <utility>

namespace dynamo::apps {

namespace {

/// Of 30 rules with weights from 0 to 1 these were the best ones of each trace
/// with 2, 4 and 8 caches of 1,000 to 6,144 blocks, all close to each other.
/// Weights from 0.2 on lose more hits than they save evictions.
constexpr std::array<ideal_rule, 4> rules{
    {{0, 0}, {0, 0.001}, {0.05, 0.001}, {0.05, 0.1}}};

/// An engine whose reports nobody reads need not make them.
constexpr sim_time never = std::chrono::hours{24 * 3650};

engine_options silent(engine_options engine) {
  engine.load_interval = never;
  engine.heartbeat = never;
  engine.kv_events = false;
  return engine;
}

} // namespace

ideal_fleet::ideal_fleet(const engine_options& engine, std::size_t ranks,
                         const ideal_rule& rule)
    : rule_(rule) {
  assert(ranks > 0);
  for (std::size_t i = 0; i < ranks; ++i) {
    ranks_.push_back({engine_core{silent(engine)}, {}, 0, 0});
  }
}

void ideal_fleet::step(rank& at, sim_time now) {
  for (const engine_step& each : at.engine.step(now)) {
    for (const request_progress& progress : each.progress) {
      if (progress.stage == request_stage::done) {
        counts_.reused += progress.cached_blocks;
        continue;
      }
      // Prompts are computed in the order they came.
      assert(at.work.front().first == progress.ticket);
      at.waiting_blocks -= at.work.front().second;
      at.work.pop_front();
      at.stored_blocks += progress.input_blocks - progress.cached_blocks;
    }
  }
}

double ideal_fleet::worth(const rank& of, std::size_t overlap) const {
  return static_cast<double>(overlap) -
         rule_.work_weight * static_cast<double>(of.waiting_blocks) -
         rule_.stored_weight * static_cast<double>(of.stored_blocks);
}

void ideal_fleet::ask(const engine_request& request, sim_time at) {
  counts_.asked += request.blocks.size();
  std::vector<std::size_t> overlaps;
  for (rank& each : ranks_) {
    step(each, at);
    overlaps.push_back(each.engine.cache().lookup(request.blocks));
  }
  std::vector<std::size_t> order(ranks_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto key = [&](std::size_t i) {
    return std::tuple{-worth(ranks_[i], overlaps[i]), ranks_[i].waiting_blocks,
                      ranks_[i].stored_blocks};
  };
  std::stable_sort(
      order.begin(), order.end(),
      [&](std::size_t l, std::size_t r) { return key(l) < key(r); });
  for (const std::size_t i : order) {
    const auto ticket = ranks_[i].engine.submit(request, at);
    if (ticket) {
      const std::size_t blocks = request.blocks.size() - overlaps[i];
      ranks_[i].work.emplace_back(*ticket, blocks);
      ranks_[i].waiting_blocks += blocks;
      step(ranks_[i], at);
      return;
    }
  }
}

block_counts ideal_fleet::finish() {
  for (rank& each : ranks_) {
    while (each.engine.requests() > 0) {
      step(each, each.engine.next_due());
    }
  }
  return counts_;
}

ideal_caches::ideal_caches(const engine_options& engine, std::size_t ranks)
    : block_size_(engine.block_size) {
  for (const ideal_rule& rule : rules) {
    fleets_.emplace_back(engine, ranks, rule);
  }
}

void ideal_caches::ask(const trace_request& request, sim_time at) {
  engine_request wanted;
  wanted.input_tokens = request.input_tokens;
  wanted.output_tokens = request.output_tokens;
  wanted.blocks =
      prompt_blocks(local_block_hashes(tokens_of(request, 0), block_size_));
  for (ideal_fleet& each : fleets_) {
    each.ask(wanted, at);
  }
}

block_counts ideal_caches::finish() {
  block_counts best;
  for (ideal_fleet& each : fleets_) {
    const block_counts counts = each.finish();
    if (counts.reused >= best.reused) {
      best = counts;
    }
  }
  return best;
}

} // namespace dynamo::apps
