// How a rank is chosen.

#include "dynamo/router/block_hash.hpp"
#include "dynamo/router/kv_router.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace dynamo {

namespace {

/// One decimal, none when it would be 0: "3.5", "3".
std::string short_number(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.1f", value);
  std::string number{text};
  if (number.ends_with(".0"))
    number.resize(number.size() - 2);
  return number;
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::uint64_t prompt_tokens_of(const route_request& request,
                               std::uint32_t block_size) {
  return request.prompt_tokens > 0 ? request.prompt_tokens
                                   : request.local.size() * block_size;
}

} // namespace

route_outcome kv_router::route(route_request request, clock::time_point now,
                               double sample) {
  const std::vector<rank_overlap> overlaps =
      request.local.size() <= options_.request_blocks_max
          ? lookup().find_matches(request.local)
          : std::vector<rank_overlap>{};
  return route(std::move(request), overlaps, now, sample);
}

route_outcome kv_router::route(route_request request,
                               std::span<const rank_overlap> overlaps,
                               clock::time_point now, double sample) {
  route_outcome outcome = decide(request, overlaps, now, sample, true);
  if (std::holds_alternative<route_choice>(outcome))
    ++counts_.chosen;
  if (const auto* refused = std::get_if<route_refusal>(&outcome)) {
    ++counts_.refused;
    counts_.no_worker += refused->why == refusal::no_worker ? 1 : 0;
    counts_.none_allowed += refused->why == refusal::none_allowed ? 1 : 0;
    counts_.overloaded += refused->why == refusal::overloaded ? 1 : 0;
  }
  return outcome;
}

route_outcome kv_router::decide(route_request& request,
                                std::span<const rank_overlap> overlaps,
                                clock::time_point now, double sample,
                                bool may_park) {
  if (request.local.size() > options_.request_blocks_max)
    return route_refusal{
        refusal::too_large,
        "request " + request.request_id + ": expected at most " +
            std::to_string(options_.request_blocks_max) + " blocks, got " +
            std::to_string(request.local.size())};
  note_own_load(now);
  ballot of = std::exchange(ballot_, {});
  list_candidates(request, overlaps, now, of);
  if (auto refused = refusal_of(request, of))
    return *std::move(refused);
  if (!request.pinned_worker && must_wait(of)) {
    if (!may_park)
      return route_parked{queue_.size()};
    if (request.mode == booking_mode::book)
      return park(request, of, now);
  }
  std::vector<double> costs;
  costs.reserve(of.open.size());
  for (const std::size_t row : of.open)
    costs.push_back(of.rows[row].cost.total);
  const double temperature =
      with_overrides(options_.cost, request.overrides).temperature;
  const std::size_t chosen = of.open[choose_cost(costs, temperature, sample)];
  route_choice choice = choice_of(request, of, chosen);
  if (request.mode == booking_mode::book) {
    // The chosen row may have moved into the explanation.
    candidate_report row;
    row.rank = choice.rank;
    row.input = request.explain ? choice.explanation[chosen].input
                                : of.rows[chosen].input;
    book(request, row, std::move(of.sequence), now);
  }
  ballot_ = std::move(of);
  return choice;
}

/// Thresholds are about what routers booked, too.
void kv_router::note_own_load(clock::time_point now) {
  if (!overload_.has_limits())
    return;
  for (const rank_map::value_type* member : members_) {
    const worker_rank& rank = member->first;
    const rank_load load = requests_.load(rank, now).value_or(rank_load{});
    active_load own;
    own.worker_id = rank.worker_id;
    own.dp_rank = rank.dp_rank;
    own.active_decode_blocks = load.active_decode_blocks;
    own.active_prefill_tokens = load.active_prefill_tokens;
    overload_.note_booked(own);
  }
}

void kv_router::list_candidates(const route_request& request,
                                std::span<const rank_overlap> overlaps,
                                clock::time_point now, ballot& of) const {
  of.rows.clear();
  of.open.clear();
  of.sequence.clear();
  if (options_.tracking.active_blocks || predictor_)
    of.sequence = sequence_hashes(request.local);
  const bool all_cut_off =
      std::all_of(members_.begin(), members_.end(),
                  [](const auto* one) { return one->second.cut_off; });
  std::uint64_t least = ~std::uint64_t{0};
  auto next = overlaps.begin();
  of.rows.reserve(members_.size());
  for (std::size_t i = 0; i < members_.size(); ++i) {
    constexpr std::size_t ahead = 8;
    if (i + ahead < members_.size())
      __builtin_prefetch(&members_[i + ahead]->second);
    const auto& [rank, state] = *members_[i];
    // Both are in ascending order.
    while (next != overlaps.end() && next->rank < rank)
      ++next;
    const rank_overlap overlap = next != overlaps.end() && next->rank == rank
                                     ? *next
                                     : rank_overlap{.rank = rank};
    candidate_report& row = of.rows.emplace_back();
    row.rank = rank;
    row.excluded = exclusion_of(request, rank, state, all_cut_off);
    row.input = input_of(request, overlap, state, of, now);
    if (row.excluded == exclusion::none) {
      least = std::min(
          least, row.input.load ? row.input.load->active_prefill_tokens : 0);
      of.open.push_back(i);
    }
  }
  const cost_options weights = with_overrides(options_.cost, request.overrides);
  for (candidate_report& row : of.rows) {
    row.input.least_prefill_tokens = least;
    row.cost = cost_of(row.input, weights);
  }
}

bool kv_router::has_taints(const route_request& request,
                           std::uint64_t worker_id) const {
  const worker_profile* const profile = profile_of(worker_id);
  return profile != nullptr &&
         std::all_of(request.required_taints.begin(),
                     request.required_taints.end(), [&](const auto& taint) {
                       return contains(profile->taints, taint);
                     });
}

exclusion kv_router::exclusion_of(const route_request& request,
                                  const worker_rank& rank,
                                  const rank_state& state,
                                  bool all_cut_off) const {
  if (request.pinned_worker) {
    const bool is_pinned =
        *request.pinned_worker == rank.worker_id &&
        (!request.pinned_rank || *request.pinned_rank == rank.dp_rank);
    return is_pinned ? exclusion::none : exclusion::not_pinned;
  }
  if (!request.allowed_workers.empty() &&
      std::find(request.allowed_workers.begin(), request.allowed_workers.end(),
                rank.worker_id) == request.allowed_workers.end())
    return exclusion::not_allowed;
  if (!request.required_taints.empty() && !has_taints(request, rank.worker_id))
    return exclusion::taints;
  if (overload_.has_limits() && overload_.is_overloaded(rank.worker_id))
    return exclusion::overloaded;
  if (state.cut_off && !all_cut_off)
    return exclusion::cut_off;
  return exclusion::none;
}

cost_input kv_router::input_of(const route_request& request,
                               const rank_overlap& overlap,
                               const rank_state& state, const ballot& of,
                               clock::time_point now) const {
  cost_input input;
  input.block_size = block_size_;
  input.prompt_tokens = prompt_tokens_of(request, block_size_);
  input.request_blocks = request.local.size();
  input.overlap = overlap;
  input.shared_blocks = request.shared_blocks;
  input.trust = trust_of(state, overlap.rank, now);
  input.track_prefill_tokens = request.overrides.track_prefill_tokens.value_or(
      options_.tracking.prefill_tokens);
  input.preference = preference_of(request, overlap.rank.worker_id);
  const bool counts_blocks = options_.tracking.active_blocks;
  const bool shares = request.overrides.assume_kv_reuse.value_or(
      options_.tracking.assume_kv_reuse);
  // Where nothing is booked nothing is shared.
  input.additional_blocks = counts_blocks ? of.sequence.size() : 0;
  std::span<const std::uint64_t> prompt;
  if (counts_blocks && shares)
    prompt = of.sequence;
  if (const auto found = requests_.demand(overlap.rank, prompt, now)) {
    input.load = found->load;
    if (counts_blocks && shares)
      input.additional_blocks = found->additional_blocks;
  }
  return input;
}

double kv_router::preference_of(const route_request& request,
                                std::uint64_t worker_id) const {
  double sum = 0;
  const worker_profile* const profile =
      request.preferred_taints.empty() ? nullptr : profile_of(worker_id);
  if (profile == nullptr)
    return sum;
  for (const auto& [taint, weight] : request.preferred_taints) {
    if (contains(profile->taints, taint))
      sum += weight;
  }
  return sum;
}

std::optional<route_refusal> kv_router::refusal_of(const route_request& request,
                                                   const ballot& of) const {
  if (!of.open.empty())
    return std::nullopt;
  const std::string who = "request " + request.request_id + ": ";
  if (of.rows.empty())
    return route_refusal{refusal::no_worker, who + "no worker has joined"};
  if (request.pinned_worker)
    return route_refusal{
        refusal::no_worker,
        who + "worker " + std::to_string(*request.pinned_worker) +
            (request.pinned_rank
                 ? " rank " + std::to_string(*request.pinned_rank)
                 : "") +
            " has not joined"};
  if (std::any_of(of.rows.begin(), of.rows.end(),
                  [](const candidate_report& row) {
                    return row.excluded == exclusion::overloaded;
                  }))
    return route_refusal{refusal::overloaded,
                         who + "all workers that it allows are overloaded"};
  return route_refusal{refusal::none_allowed,
                       who + "none of " + std::to_string(of.rows.size()) +
                           " ranks is one that it allows"};
}

/// Whether every rank is busy with prefills beyond the threshold.
bool kv_router::must_wait(const ballot& of) const {
  const double threshold = options_.queue.threshold;
  if (threshold <= 0)
    return false;
  return std::all_of(of.open.begin(), of.open.end(), [&](std::size_t row) {
    const candidate_report& one = of.rows[row];
    const auto limit = overload_.capacity(one.rank).max_num_batched_tokens;
    const auto busy =
        one.input.load ? one.input.load->active_prefill_tokens : 0;
    return static_cast<double>(busy) >
           threshold *
               static_cast<double>(limit.value_or(batched_tokens_unknown));
  });
}

route_outcome kv_router::park(route_request& request, const ballot& of,
                              clock::time_point now) {
  std::uint64_t cached = 0;
  for (const std::size_t row : of.open)
    cached = std::max(cached, cached_tokens(of.rows[row].input.overlap,
                                            block_size_, options_.cost));
  const std::uint64_t prompt = prompt_tokens_of(request, block_size_);
  const std::string id = request.request_id;
  if (parked_.contains(id))
    return route_refusal{refusal::duplicate,
                         "request " + id + ": waits already"};
  if (!queue_.park(id,
                   {request.strict_priority, request.priority,
                    prompt - std::min(prompt, cached)},
                   now))
    return route_refusal{refusal::queue_full,
                         "request " + id + ": already " +
                             std::to_string(queue_.size()) +
                             " requests wait for capacity"};
  parked_.emplace(id, parked_request{std::move(request), now});
  return route_parked{queue_.size()};
}

route_choice kv_router::choice_of(const route_request& request, ballot& of,
                                  std::size_t chosen) const {
  const candidate_report& row = of.rows[chosen];
  route_choice choice;
  choice.rank = row.rank;
  if (const worker_profile* profile = profile_of(row.rank.worker_id))
    choice.endpoint = profile->endpoint;
  choice.overlap = row.input.overlap;
  choice.overlap_blocks = row.input.overlap.device;
  choice.request_blocks = request.local.size();
  choice.candidates = of.open.size();
  choice.cost = row.cost;
  choice.reason = reason_of(request, of, chosen);
  if (request.explain)
    choice.explanation = std::move(of.rows);
  return choice;
}

std::string kv_router::reason_of(const route_request& request, const ballot& of,
                                 std::size_t chosen) const {
  const candidate_report& row = of.rows[chosen];
  const std::string ranks = std::to_string(of.open.size()) + " ranks";
  const auto equal =
      std::count_if(of.open.begin(), of.open.end(), [&](std::size_t other) {
        return of.rows[other].cost.total == row.cost.total;
      });
  const double temperature =
      with_overrides(options_.cost, request.overrides).temperature;
  std::string reason;
  if (request.pinned_worker)
    reason = "pinned";
  else if (of.open.size() == 1)
    reason = "the only rank";
  else if (temperature > 0)
    reason =
        "drawn from " + ranks + " at temperature " + short_number(temperature);
  else if (equal > 1)
    reason = "one of " + std::to_string(equal) + " equally cheap of " + ranks;
  else
    reason = "cheapest of " + ranks;
  const rank_overlap& overlap = row.input.overlap;
  reason += ": " + std::to_string(overlap.device) + " of " +
            std::to_string(request.local.size()) + " blocks cached";
  if (overlap.disk > overlap.device)
    reason += " and " + std::to_string(overlap.disk - overlap.device) +
              " in lower tiers";
  if (row.input.trust < 1)
    reason += " (trusted to " + short_number(row.input.trust * 100) + " %)";
  const rank_load load = row.input.load.value_or(rank_load{});
  const double queued =
      static_cast<double>(load.active_prefill_tokens) / block_size_;
  return reason + ", " + short_number(queued) + " blocks of work queued";
}

} // namespace dynamo
