// Requests after the choice, and those of other routers.

#include "dynamo/base/bytes.hpp"
#include "dynamo/router/bucket_table.hpp"
#include "dynamo/router/kv_router.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

namespace {

/// Pieces of put-off work for each call of tidy.
constexpr std::size_t steps_per_call = 64;

} // namespace

void kv_router::book(const route_request& request,
                     const candidate_report& chosen,
                     std::vector<std::uint64_t> sequence,
                     clock::time_point now) {
  counts_.prompt_blocks += request.local.size();
  counts_.overlap_blocks += chosen.input.overlap.device;
  if (predictor_)
    predictor_->record(chosen.rank, request.local, sequence, now);
  booking made;
  made.request_id = request.request_id;
  made.rank = chosen.rank;
  made.router_id = router_id_;
  made.expected_output_tokens = request.expected_output_tokens;
  made.lora_name = request.lora_name;
  if (chosen.input.track_prefill_tokens) {
    const std::uint64_t prompt = chosen.input.prompt_tokens;
    made.prefill_tokens =
        prompt - std::min(prompt, cached_tokens(chosen.input.overlap,
                                                block_size_, options_.cost));
    made.expected_prefill_duration = request.expected_prefill_duration;
  }
  if (options_.tracking.active_blocks) {
    if (!request.overrides.assume_kv_reuse.value_or(
            options_.tracking.assume_kv_reuse)) {
      for (std::uint64_t& block : sequence)
        block = mix(router_id_ ^ ++unshared_blocks_);
    }
    made.sequence = std::move(sequence);
  }
  if (options_.replicas.sync)
    replicas_.added(made);
  requests_.add(std::move(made), now);
}

std::vector<released_request>
kv_router::release(clock::time_point now,
                   const std::function<double()>& sample) {
  std::vector<released_request> released;
  for (std::string& id : cancelled_)
    released.push_back(
        {id, route_refusal{refusal::cancelled,
                           "request " + id + ": freed while it waited"}});
  cancelled_.clear();
  for (const std::string& id : queue_.take_timed_out(now)) {
    parked_.erase(id);
    ++counts_.refused;
    released.push_back(
        {id, route_refusal{refusal::timed_out,
                           "request " + id + ": no worker had capacity for " +
                               std::to_string(options_.queue.wait_max.count()) +
                               " ms"}});
  }
  while (const auto next = queue_.next()) {
    const auto at = parked_.find(std::string{*next});
    route_request& request = at->second.request;
    route_outcome outcome = decide(
        request, lookup().find_matches(request.local), now, sample(), false);
    if (std::holds_alternative<route_parked>(outcome))
      break;
    queue_.release_next();
    if (auto* choice = std::get_if<route_choice>(&outcome)) {
      ++counts_.chosen;
      choice->waited = std::chrono::duration_cast<std::chrono::milliseconds>(
          now - at->second.since);
      released.push_back({at->first, std::move(*choice)});
    } else {
      ++counts_.refused;
      released.push_back(
          {at->first, std::get<route_refusal>(std::move(outcome))});
    }
    parked_.erase(at);
  }
  return released;
}

std::optional<std::uint64_t>
kv_router::owner_of(std::string_view request_id) const {
  if (requests_.rank_of(router_id_, request_id))
    return router_id_;
  return requests_.owner_of(request_id);
}

namespace {

/// The part of a booking that names it.
booking named(std::string_view request_id, const worker_rank& rank,
              std::uint64_t router_id) {
  booking name;
  name.request_id = std::string{request_id};
  name.rank = rank;
  name.router_id = router_id;
  return name;
}

} // namespace

bool kv_router::mark_prefill_completed(std::string_view request_id,
                                       clock::time_point now) {
  const auto owner = owner_of(request_id);
  if (!owner)
    return false;
  if (options_.replicas.sync)
    replicas_.prefill_completed(
        named(request_id, *requests_.rank_of(*owner, request_id), *owner));
  return requests_.mark_prefill_completed(*owner, request_id, now);
}

bool kv_router::add_output_block(std::string_view request_id,
                                 std::optional<double> progress,
                                 clock::time_point now) {
  const auto owner = owner_of(request_id);
  if (!owner)
    return false;
  if (!options_.tracking.output_blocks)
    return requests_.touch(*owner, request_id, now);
  std::optional<double> weight;
  if (progress)
    weight = 1 - std::clamp(*progress, 0.0, 1.0);
  return requests_.add_output_block(*owner, request_id, weight, now);
}

bool kv_router::free(std::string_view request_id, clock::time_point now) {
  if (queue_.cancel(request_id)) {
    const auto at = parked_.find(std::string{request_id});
    cancelled_.push_back(at->first);
    parked_.erase(at);
    return true;
  }
  const auto owner = owner_of(request_id);
  if (!owner)
    return false;
  if (options_.replicas.sync)
    replicas_.freed(
        named(request_id, *requests_.rank_of(*owner, request_id), *owner));
  return requests_.free(*owner, request_id, now);
}

std::size_t kv_router::expire(clock::time_point now) {
  if (predictor_)
    predictor_->expire(now);
  return requests_.expire(now, options_.request_ttl);
}

void kv_router::tidy() {
  if (index_)
    index_->tidy(steps_per_call);
}

// -- Other routers

bool kv_router::apply(const active_sequence_events& events,
                      clock::time_point now) {
  return replicas_.apply(events, requests_, now);
}

bool kv_router::apply(const sequence_state& state, clock::time_point now) {
  return replicas_.apply(state, requests_, now);
}

void kv_router::router_gap(std::uint64_t router_id) {
  replicas_.gap_seen(router_id);
}

bool kv_router::router_left(std::uint64_t router_id) {
  return replicas_.remove_router(router_id, requests_);
}

bool kv_router::tick_replicas(clock::time_point now) {
  return options_.replicas.sync && replicas_.tick(requests_, now);
}

active_sequence_events kv_router::take_sequence_events() {
  return replicas_.take_events();
}

std::vector<sequence_state> kv_router::take_sequence_states() {
  return replicas_.take_states();
}

} // namespace dynamo
