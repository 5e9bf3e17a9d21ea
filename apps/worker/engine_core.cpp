#include "apps/worker/engine_core.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <string>
#include <utility>

namespace dynamo::apps {

namespace {

/// Never 0: a change always lies after its cause.
sim_time time_of(std::uint64_t tokens, double tokens_per_second) {
  // 30 years; keeps sums of times far from overflowing.
  constexpr double longest = 1e18;
  const double nanoseconds =
      std::round(static_cast<double>(tokens) / tokens_per_second * 1e9);
  return sim_time{
      static_cast<sim_time::rep>(std::clamp(nanoseconds, 1.0, longest))};
}

std::uint64_t tokens_in(sim_time time, double tokens_per_second) {
  const double seconds = std::chrono::duration<double>(time).count();
  return static_cast<std::uint64_t>(
      std::max(0.0, std::floor(seconds * tokens_per_second)));
}

/// The first time of the grid `at`, `at + period`, ... that lies after `now`.
sim_time next_after(sim_time at, sim_time period, sim_time now) {
  const sim_time behind = std::max(now - at, sim_time{0});
  return at + period * (behind / period + 1);
}

} // namespace

engine_core::engine_core(const engine_options& options)
    : options_(options)
    , cache_(options.cache_blocks)
    , report_due_(options.heartbeat) {}

result<std::uint64_t> engine_core::submit(engine_request request, sim_time at) {
  assert(request.blocks.size() <= request.input_tokens / options_.block_size);
  const std::size_t blocks = blocks_of(request);
  if (blocks > cache_.capacity()) {
    return error{errc::too_large, "request: expected at most " +
                                      std::to_string(cache_.capacity()) +
                                      " blocks of prompt and output, got " +
                                      std::to_string(blocks)};
  }
  const bool may_start =
      queue_.empty() && !prefilling_ && decoding_.size() < options_.concurrency;
  if (!may_start && queue_.size() >= options_.queue_max) {
    return error{errc::unavailable,
                 "queue of rank " + std::to_string(options_.dp_rank) +
                     ": full with " + std::to_string(queue_.size()) +
                     " requests"};
  }
  now_ = std::max(now_, at);
  if (may_start) {
    arrival_due_ = now_;
  }
  queue_.push_back({++tickets_, std::move(request), now_});
  return tickets_;
}

std::vector<engine_step> engine_core::step(sim_time now) {
  std::vector<engine_step> steps;
  for (sim_time at = next_due(); at <= now; at = next_due()) {
    steps.push_back(run(at, now));
  }
  now_ = std::max(now_, now);
  return steps;
}

result<engine_step> engine_core::clear(sim_time at) {
  if (requests() > 0 || !cache_.clear()) {
    return error{errc::unavailable,
                 "cache of rank " + std::to_string(options_.dp_rank) +
                     ": in use by " + std::to_string(requests()) + " requests"};
  }
  now_ = std::max(now_, at);
  engine_step step;
  step.at = now_;
  add_event(step, kv_cleared{});
  return step;
}

sim_time engine_core::next_due() const {
  sim_time due = std::min(load_due_, report_due_);
  if (prefilling_) {
    due = std::min(due, prefilling_->first_token);
  }
  if (!decoding_.empty()) {
    due = std::min(due, decoding_.begin()->first);
  }
  if (arrival_due_) {
    due = std::min(due, *arrival_due_);
  }
  if (!output_due_.empty()) {
    due = std::min(due, output_due_.begin()->first);
  }
  return due;
}

bool engine_core::has_boundary(sim_time at) const {
  return (prefilling_ && prefilling_->first_token <= at) ||
         (!decoding_.empty() && decoding_.begin()->first <= at) ||
         (arrival_due_ && *arrival_due_ <= at);
}

engine_step engine_core::run(sim_time at, sim_time now) {
  engine_step step;
  step.at = at;
  tell_output_blocks(at, step);
  const bool boundary = has_boundary(at);
  if (boundary || report_due_ <= at) {
    step.pass = end_pass(at);
    if (report_due_ <= at) {
      report_due_ = next_after(at, options_.heartbeat, now);
    } else if (step.pass) {
      report_due_ = at + options_.heartbeat;
    }
    if (boundary) {
      finish_prefill(at, step);
      finish_decodes(at, step);
      admit(at, step);
    }
    begin_pass(at);
  }
  if (load_due_ <= at || load_told_ != cache_.used()) {
    load_told_ = cache_.used();
    step.load =
        active_load{options_.worker_id, options_.dp_rank, {}, {}, load_told_};
    load_due_ = next_after(at, options_.load_interval, now);
  }
  return step;
}

void engine_core::finish_prefill(sim_time at, engine_step& step) {
  if (!prefilling_ || prefilling_->first_token > at) {
    return;
  }
  running_request request = std::move(*prefilling_);
  prefilling_.reset();
  for (stored_run& run : cache_.commit(request.lease)) {
    kv_stored stored;
    stored.parent_hash = run.parent_hash;
    for (const prompt_block& block : run.blocks) {
      stored.blocks.push_back({block.block_hash, block.tokens_hash, {}});
    }
    add_event(step, std::move(stored));
  }
  step.progress.push_back({request.ticket,
                           request_stage::first_token,
                           request.lease.prompt.size(),
                           request.lease.cached,
                           0,
                           request.started - request.arrived,
                           request.first_token - request.arrived,
                           {}});
  if (request.output_tokens <= 1) {
    finish(std::move(request), at, step);
    return;
  }
  const sim_time ends = at + time_of(request.output_tokens - 1,
                                     options_.decode_tokens_per_second);
  await_output_block(request, ends);
  decoding_.emplace(ends, std::move(request));
}

/// The next block is full when the tokens of the prompt and of the output fill
/// it; a request that ends before has none.
void engine_core::await_output_block(const running_request& request,
                                     sim_time ends) {
  if (!request.tells_output_blocks) {
    return;
  }
  const std::uint64_t full =
      (request.input_tokens / options_.block_size + request.output_blocks + 1) *
      options_.block_size;
  const std::uint64_t output = full - request.input_tokens;
  if (output > request.output_tokens) {
    return;
  }
  const sim_time due =
      output == 1 ? request.first_token
                  : request.first_token +
                        time_of(output - 1, options_.decode_tokens_per_second);
  output_due_.emplace(std::min(due, ends), std::pair{ends, request.ticket});
}

void engine_core::tell_output_blocks(sim_time at, engine_step& step) {
  while (!output_due_.empty() && output_due_.begin()->first <= at) {
    const sim_time ends = output_due_.begin()->second.first;
    const std::uint64_t ticket = output_due_.begin()->second.second;
    output_due_.erase(output_due_.begin());
    const auto [first, last] = decoding_.equal_range(ends);
    const auto found = std::find_if(first, last, [&](const auto& each) {
      return each.second.ticket == ticket;
    });
    assert(found != last);
    running_request& request = found->second;
    ++request.output_blocks;
    step.progress.push_back({ticket,
                             request_stage::output_block,
                             request.lease.prompt.size(),
                             request.lease.cached,
                             request.output_blocks,
                             request.started - request.arrived,
                             request.first_token - request.arrived,
                             {}});
    await_output_block(request, ends);
  }
}

void engine_core::finish_decodes(sim_time at, engine_step& step) {
  while (!decoding_.empty() && decoding_.begin()->first <= at) {
    auto ended = decoding_.extract(decoding_.begin());
    finish(std::move(ended.mapped()), at, step);
  }
}

void engine_core::finish(running_request request, sim_time at,
                         engine_step& step) {
  step.progress.push_back(
      {request.ticket, request_stage::done, request.lease.prompt.size(),
       request.lease.cached, request.output_blocks,
       request.started - request.arrived, request.first_token - request.arrived,
       at - request.arrived});
  cache_.release(std::move(request.lease));
}

void engine_core::admit(sim_time at, engine_step& step) {
  arrival_due_.reset();
  if (queue_.empty() || prefilling_ ||
      decoding_.size() >= options_.concurrency) {
    return;
  }
  const engine_request& head = queue_.front().request;
  auto acquired =
      cache_.acquire(head.blocks, blocks_of(head) - head.blocks.size());
  if (!acquired) {
    // Places come free only when a request ends, and then this is called.
    return;
  }
  if (!acquired->evicted.empty()) {
    add_event(step, kv_removed{std::move(acquired->evicted)});
  }
  waiting_request next = std::move(queue_.front());
  queue_.pop_front();
  start(std::move(next), std::move(acquired->lease), at);
}

void engine_core::start(waiting_request request, cache_lease lease,
                        sim_time at) {
  running_request running;
  running.ticket = request.ticket;
  running.input_tokens = request.request.input_tokens;
  running.output_tokens = request.request.output_tokens;
  const std::uint64_t cached =
      std::uint64_t{lease.cached} * options_.block_size;
  const bool is_known =
      request.request.prefilled || running.input_tokens <= cached;
  running.prefill_tokens = is_known ? 1 : running.input_tokens - cached;
  running.tells_output_blocks = request.request.tells_output_blocks;
  running.lease = std::move(lease);
  running.arrived = request.arrived;
  running.started = at;
  running.first_token =
      at + time_of(running.prefill_tokens, options_.prefill_tokens_per_second);
  prefilling_ = std::move(running);
}

void engine_core::begin_pass(sim_time at) {
  pass_.reset();
  if (running() == 0) {
    return;
  }
  pass_ = pass_state{};
  pass_->began = at;
  pass_->prefilled_before = prefilled(at);
  for (const auto& [ends, request] : decoding_) {
    pass_->decode_kv_tokens.add(kv_tokens(request, at));
  }
}

std::optional<forward_pass_metrics> engine_core::end_pass(sim_time at) {
  forward_pass_metrics metrics;
  metrics.worker_id = std::to_string(options_.worker_id);
  metrics.dp_rank = options_.dp_rank;
  if (!pass_ && report_due_ <= at) {
    metrics.counter_id = ++counter_id_;
    return metrics;
  }
  if (!pass_ || pass_->began == at) {
    return std::nullopt;
  }
  metrics.counter_id = ++counter_id_;
  metrics.wall_time = std::chrono::duration<double>(at - pass_->began).count();
  scheduled_requests& scheduled = metrics.scheduled;
  if (prefilling_) {
    scheduled.num_prefill_requests = 1;
    scheduled.sum_prefill_tokens = prefilled(at) - pass_->prefilled_before;
    scheduled.sum_prefill_kv_tokens = prefilling_->input_tokens -
                                      prefilling_->prefill_tokens +
                                      pass_->prefilled_before;
  }
  scheduled.num_decode_requests = pass_->decode_kv_tokens.count();
  scheduled.sum_decode_kv_tokens = pass_->decode_kv_tokens.sum();
  scheduled.var_decode_kv_tokens = pass_->decode_kv_tokens.variance();
  metrics.queued = queued();
  return metrics;
}

queued_requests engine_core::queued() const {
  population tokens;
  for (const waiting_request& waiting : queue_) {
    tokens.add(waiting.request.input_tokens);
  }
  queued_requests queued;
  queued.num_prefill_requests = tokens.count();
  queued.sum_prefill_tokens = tokens.sum();
  queued.var_prefill_length = tokens.variance();
  return queued;
}

/// Tokens of the prompt that is being computed that are done at `at`.
std::uint64_t engine_core::prefilled(sim_time at) const {
  if (!prefilling_) {
    return 0;
  }
  if (prefilling_->first_token <= at) {
    return prefilling_->prefill_tokens;
  }
  return std::min(
      prefilling_->prefill_tokens,
      tokens_in(at - prefilling_->started, options_.prefill_tokens_per_second));
}

std::uint64_t engine_core::kv_tokens(const running_request& request,
                                     sim_time at) const {
  const std::uint64_t further =
      tokens_in(at - request.first_token, options_.decode_tokens_per_second);
  return request.input_tokens + std::min(request.output_tokens, 1 + further);
}

void engine_core::add_event(engine_step& step, change what) {
  if (!options_.kv_events) {
    return;
  }
  router_event event;
  event.worker_id = options_.worker_id;
  event.domain = residency_domain::worker;
  event.event = {++event_id_, std::move(what), options_.dp_rank};
  step.changes.push_back(std::move(event));
}

std::size_t engine_core::blocks_of(const engine_request& request) const {
  const std::uint64_t tokens = request.input_tokens + request.output_tokens;
  return static_cast<std::size_t>(tokens / options_.block_size +
                                  (tokens % options_.block_size == 0 ? 0 : 1));
}

} // namespace dynamo::apps
