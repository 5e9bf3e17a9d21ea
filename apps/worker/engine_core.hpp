#pragma once

#include "apps/worker/block_cache.hpp"
#include "apps/worker/population.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/events/forward_pass.hpp"
#include "dynamo/events/kv_cache.hpp"
#include "dynamo/events/load.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace dynamo::apps {

/// Simulated time since the engine began.
using sim_time = std::chrono::nanoseconds;

/// One rank of a simulated engine; all times are simulated.
struct engine_options {
  std::uint64_t worker_id = 0;
  std::uint32_t dp_rank = 0;
  std::uint32_t block_size = 16;
  std::size_t cache_blocks = 16'384;
  double prefill_tokens_per_second = 20'000;
  double decode_tokens_per_second = 50;
  std::size_t concurrency = 64;
  std::size_t queue_max = 4096;
  sim_time load_interval = std::chrono::seconds{1};
  sim_time heartbeat = std::chrono::seconds{1};
  bool kv_events = true;
};

/// A prompt and how much text it leads to.
struct engine_request {
  /// The prompt's full blocks, at most input_tokens / block_size of them.
  std::vector<prompt_block> blocks;
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
  /// Another engine has computed the prompt, and its blocks arrive with the
  /// request: they are stored like computed ones, but take the time of one
  /// token only.
  bool prefilled = false;
  /// Whether to tell of each block that the output fills.
  bool tells_output_blocks = false;
};

enum class request_stage {
  first_token,
  /// A block is full that holds output; only for requests that asked for it.
  output_block,
  done,
};

/// How a request fares. Times count from its arrival.
struct request_progress {
  /// What `submit` returned.
  std::uint64_t ticket = 0;
  request_stage stage = request_stage::first_token;
  std::size_t input_blocks = 0;
  std::size_t cached_blocks = 0;
  /// Blocks so far that hold output and are full; not counted for requests
  /// that did not ask for it.
  std::size_t output_blocks = 0;
  /// Until its prefill began.
  sim_time queued{0};
  sim_time time_to_first_token{0};
  /// Only when it is done.
  sim_time total{0};
};

/// What happened at one moment of simulated time.
struct engine_step {
  sim_time at{0};
  /// Changes of the cache in the order they happened: one batch, to be
  /// published as one.
  kv_events changes;
  std::optional<active_load> load;
  /// The pass that ended, or the heartbeat of an idle engine.
  std::optional<forward_pass_metrics> pass;
  std::vector<request_progress> progress;
};

/// The engine of one rank as arithmetic on simulated time.
///
/// Requests start in the order they came, while there are fewer than
/// `concurrency` and the cache has room for prompt and output. One prompt is
/// computed at a time, at the rank's full rate; only tokens that are not cached
/// cost time, but at least one, because the engine needs the last position's
/// output. The first token is there when the prompt is computed, and then its
/// blocks are stored; each further token takes its time at the request's own
/// decode rate.
///
/// A pass lasts from one such change to the next, or until the next heartbeat
/// is due. Whatever is due is done at exactly its time, however late `step` is
/// called; only heartbeats and unchanged loads that were missed are left out,
/// all but one.
///
/// Pure; not thread-safe. Time never goes back.
class engine_core {
 public:
  explicit engine_core(const engine_options& options);

  /// Takes a request that arrives at `at`, to which the engine must have been
  /// stepped, and returns its ticket. errc::too_large when the cache can never
  /// hold it, errc::unavailable when the queue is full.
  result<std::uint64_t> submit(engine_request request, sim_time at);

  /// Everything that is due up to `now`, in order.
  std::vector<engine_step> step(sim_time now);

  /// Forgets the cache's blocks at `at`, to which the engine must have been
  /// stepped; the event is in the step. errc::unavailable, and no change,
  /// while requests wait or run.
  result<engine_step> clear(sim_time at);

  /// When there is something to do next.
  sim_time next_due() const;

  /// Requests that wait or run.
  std::size_t requests() const { return queue_.size() + running(); }
  /// The number of the newest kv event; 0 before the first.
  std::uint64_t event_id() const { return event_id_; }
  const block_cache& cache() const { return cache_; }

 private:
  using change = decltype(kv_cache_event::data);

  struct waiting_request {
    std::uint64_t ticket = 0;
    engine_request request;
    sim_time arrived{0};
  };

  struct running_request {
    std::uint64_t ticket = 0;
    cache_lease lease;
    std::uint64_t input_tokens = 0;
    std::uint64_t output_tokens = 0;
    /// Tokens that have to be computed for the prompt.
    std::uint64_t prefill_tokens = 0;
    bool tells_output_blocks = false;
    /// Full blocks with output that were told of.
    std::size_t output_blocks = 0;
    sim_time arrived{0};
    sim_time started{0};
    sim_time first_token{0};
  };

  /// The pass that is under way.
  struct pass_state {
    sim_time began{0};
    /// Of the prompt that is being computed: tokens done before the pass.
    std::uint64_t prefilled_before = 0;
    population decode_kv_tokens;
  };

  std::size_t running() const {
    return decoding_.size() + (prefilling_ ? 1 : 0);
  }
  bool has_boundary(sim_time at) const;
  engine_step run(sim_time at, sim_time now);

  void finish_prefill(sim_time at, engine_step& step);
  void finish_decodes(sim_time at, engine_step& step);
  void finish(running_request request, sim_time at, engine_step& step);
  void await_output_block(const running_request& request, sim_time ends);
  void tell_output_blocks(sim_time at, engine_step& step);
  void admit(sim_time at, engine_step& step);
  void start(waiting_request request, cache_lease lease, sim_time at);

  void begin_pass(sim_time at);
  std::optional<forward_pass_metrics> end_pass(sim_time at);
  queued_requests queued() const;
  std::uint64_t prefilled(sim_time at) const;
  std::uint64_t kv_tokens(const running_request& request, sim_time at) const;

  void add_event(engine_step& step, change what);
  std::size_t blocks_of(const engine_request& request) const;

  engine_options options_;
  block_cache cache_;
  sim_time now_{0};
  std::deque<waiting_request> queue_;
  std::optional<running_request> prefilling_;
  /// By the time they end; equal times in the order they began.
  std::multimap<sim_time, running_request> decoding_;
  /// When the next block of a decoding request is full: its end in decoding_
  /// and its ticket.
  std::multimap<sim_time, std::pair<sim_time, std::uint64_t>> output_due_;
  /// A request arrived while nothing kept it from starting.
  std::optional<sim_time> arrival_due_;
  sim_time load_due_{0};
  sim_time report_due_;
  std::optional<pass_state> pass_;
  std::optional<std::uint64_t> load_told_;
  std::uint64_t tickets_ = 0;
  std::uint64_t event_id_ = 0;
  std::uint64_t counter_id_ = 0;
};

} // namespace dynamo::apps
