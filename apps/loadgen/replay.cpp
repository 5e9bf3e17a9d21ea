#include "apps/loadgen/replay.hpp"

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

namespace dynamo::apps {

namespace {

using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds progress_interval{100};
constexpr milliseconds retry_delay{100};
constexpr milliseconds no_time{0};

milliseconds since(steady::time_point start) {
  return std::chrono::duration_cast<milliseconds>(steady::now() - start);
}

/// When a request is due, from the start of the replay.
milliseconds due(const trace_request& request, const trace_request& first,
                 double speed) {
  const std::chrono::duration<double, std::milli> trace_time =
      request.arrival - first.arrival;
  return std::chrono::duration_cast<milliseconds>(trace_time / speed);
}

bool may_pass(const error& reason) {
  return reason.code == errc::unavailable || reason.code == errc::closed;
}

/// Once more when the router does not answer in time: it would count a request
/// as load that nobody ends, until it has heard nothing of it for minutes.
void end_at(cluster_client& router, const std::string& request_id) {
  if (!router.ended(request_id)) {
    // It is over for us, whatever comes of that.
    static_cast<void>(router.ended(request_id));
  }
}

} // namespace

replay::replay(std::vector<cluster_client*> routers, const cluster_watch& watch,
               const std::vector<trace_request>& trace,
               const replay_options& options, stop_wait stopped)
    : routers_(std::move(routers))
    , watch_(watch)
    , trace_(trace)
    , options_(options)
    , stopped_(std::move(stopped))
    , start_(steady::now())
    , tally_(options.policy) {
  if (!is_routed(options.policy)) {
    local_.emplace(options.policy, options.seed);
  }
}

policy_summary replay::run(const on_progress& progress) {
  std::vector<std::thread> threads;
  const std::size_t count = std::min(options_.concurrency_max, trace_.size());
  for (std::size_t i = 0; i < count; ++i) {
    {
      const lock_guard guard{mutex_};
      ++working_;
    }
    try {
      threads.emplace_back([this] { work(); });
    } catch (const std::system_error& thrown) {
      // The system has no more; with fewer, requests are only late.
      const lock_guard guard{mutex_};
      --working_;
      failure_ = error{errc::io, std::string{"no thread: "} + thrown.what()};
      break;
    }
  }
  wait_until_done(progress);
  for (std::thread& each : threads) {
    each.join();
  }
  const lock_guard guard{mutex_};
  last_failure_ = failure_;
  return tally_.summary();
}

void replay::wait_until_done(const on_progress& progress) {
  for (;;) {
    std::size_t done = 0;
    const auto ranks = watch_.ranks();
    {
      const lock_guard guard{mutex_};
      for (const worker_rank& each : *ranks) {
        tally_.add_rank({each.worker_id, each.dp_rank.value_or(0)});
      }
      done = tally_.ended();
      if (working_ > 0) {
        changed_.wait_until(mutex_, steady::now() + progress_interval);
      }
    }
    progress(done);
    const bool stopping = stopped_(no_time);
    if (stopping) {
      for (cluster_client* each : routers_) {
        each->interrupt_generate();
      }
    }
    const lock_guard guard{mutex_};
    if (working_ == 0 && (stopping || done == tally_.ended())) {
      return;
    }
  }
}

void replay::work() {
  for (;;) {
    const std::size_t index = next_.fetch_add(1);
    if (index >= trace_.size()) {
      break;
    }
    const milliseconds at = due(trace_[index], trace_.front(), options_.speed);
    if (stopped_(std::max(at - since(start_), no_time))) {
      break;
    }
    play(index, std::max(since(start_) - at, no_time));
  }
  const lock_guard guard{mutex_};
  if (--working_ == 0) {
    changed_.notify_all();
  }
}

void replay::play(std::size_t index, milliseconds late) {
  const trace_request& asked = trace_[index];
  const std::string prompt = prompt_members(asked, options_.prompt);
  const std::string name =
      std::string{to_string(options_.policy)} + "-" + std::to_string(index);
  request_outcome outcome;
  outcome.late = late;
  std::vector<std::string> avoided;
  result<served_request> done = error{errc::unavailable, "not tried"};
  for (std::uint32_t i = 0; i <= options_.retries_max; ++i) {
    if (!pause_before(i)) {
      return;
    }
    const std::string id = i == 0 ? name : name + "-r" + std::to_string(i);
    outcome.retries = i;
    done = attempt(
        {id, prompt, asked.output_tokens, false, options_.output_blocks},
        avoided);
    if (done || !may_pass(done.error())) {
      break;
    }
  }
  if (!done && stopped_(no_time)) {
    return;
  }
  outcome.has_failed = !done;
  if (done) {
    note(asked, *done, outcome);
  }
  const lock_guard guard{mutex_};
  tally_.add(outcome);
  if (!done) {
    failure_ = done.error();
  }
}

/// The first retry comes at once, for others live; false when it is time to
/// stop.
bool replay::pause_before(std::uint32_t attempt) const {
  constexpr std::uint32_t doublings_max = 4;
  return !stopped_(
      attempt < 2 ? no_time
                  : retry_delay * (1 << std::min(attempt - 2, doublings_max)));
}

void replay::note(const trace_request& asked, const served_request& served,
                  request_outcome& outcome) const {
  const generate_line& line = served.line;
  outcome.generated_by = {line.worker_id, line.dp_rank};
  outcome.computed_by = served.computed_by;
  outcome.blocks = {line.cached_blocks, line.input_blocks};
  outcome.computed_tokens =
      asked.input_tokens -
      std::min(asked.input_tokens,
               line.cached_blocks * options_.prompt.block_size);
  outcome.time_to_first_token_ms = line.time_to_first_token_ms;
}

result<replay::served_request>
replay::attempt(const generate_request& request,
                std::vector<std::string>& avoided) {
  if (local_) {
    return serve_locally(request, avoided);
  }
  cluster_client& router = *routers_[turn_.fetch_add(1) % routers_.size()];
  const auto chosen = router.route(request);
  if (!chosen) {
    // An answer that came too late may have booked it, or it waits there still.
    end_at(router, request.request_id);
    return chosen.error();
  }
  auto served = chosen->prefill ? serve_in_two(router, *chosen, request)
                                : serve(router, *chosen, request);
  end_at(router, request.request_id);
  return served;
}

result<replay::served_request>
replay::serve_locally(const generate_request& request,
                      std::vector<std::string>& avoided) {
  const auto chosen = local_->choose(*watch_.ranks(), avoided);
  if (!chosen) {
    return error{errc::unavailable, "the router knows no worker that serves"};
  }
  const auto line = routers_.front()->generate(*chosen, request, {});
  if (!line) {
    avoided.push_back(chosen->endpoint);
    return line.error();
  }
  return served_request{*line, {line->worker_id, line->dp_rank}};
}

result<replay::served_request> replay::serve(cluster_client& router,
                                             const route_answer& chosen,
                                             const generate_request& request) {
  const auto line =
      router.generate(chosen.worker, request, [&](line_kind kind) {
        static_cast<void>(kind == line_kind::first_token
                              ? router.prefill_completed(request.request_id)
                              : router.output_block(request.request_id));
      });
  if (!line) {
    return line.error();
  }
  return served_request{*line, {line->worker_id, line->dp_rank}};
}

/// The prompt at one worker, and then, as if its blocks had been sent over, the
/// output at another.
result<replay::served_request>
replay::serve_in_two(cluster_client& router, const route_answer& chosen,
                     const generate_request& request) {
  generate_request prompt_alone = request;
  prompt_alone.output_tokens = 1;
  prompt_alone.output_blocks = false;
  const auto computed = router.generate(*chosen.prefill, prompt_alone, {});
  if (!computed) {
    return computed.error();
  }
  static_cast<void>(router.prefill_completed(request.request_id));
  generate_request rest = request;
  rest.prefilled = true;
  auto line = router.generate(chosen.worker, rest, [&](line_kind kind) {
    if (kind == line_kind::output_block) {
      static_cast<void>(router.output_block(request.request_id));
    }
  });
  if (!line) {
    return line.error();
  }
  line->input_blocks = computed->input_blocks;
  line->cached_blocks = computed->cached_blocks;
  line->time_to_first_token_ms += computed->time_to_first_token_ms;
  return served_request{*line, {computed->worker_id, computed->dp_rank}};
}

} // namespace dynamo::apps
