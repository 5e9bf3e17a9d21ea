#include "dynamo/router/block_hash.hpp"
#include "dynamo/router/kv_router.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

// The half of kv_router that deals with requests, and its pictures.

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

} // namespace

std::string_view to_string(sync_state state) {
  switch (state) {
  case sync_state::waiting:
    return "waiting";
  case sync_state::in_sync:
    return "in_sync";
  case sync_state::partial:
    return "partial";
  case sync_state::stale:
    break;
  }
  return "stale";
}

result<route_choice> kv_router::choose(const route_request& request,
                                       clock::time_point now, double sample) {
  if (request.local.size() > options_.request_blocks_max)
    return error{errc::too_large,
                 "request " + request.request_id + ": expected at most " +
                     std::to_string(options_.request_blocks_max) +
                     " blocks, got " + std::to_string(request.local.size())};
  std::vector<std::uint64_t> sequence = sequence_hashes(request.local);
  const std::vector<candidate> rows = candidates(request, sequence);
  if (rows.empty())
    return error{errc::unavailable,
                 "request " + request.request_id + ": no worker has joined"};
  std::vector<double> costs;
  costs.reserve(rows.size());
  for (const candidate& row : rows)
    costs.push_back(row.cost.total);
  const candidate& chosen =
      rows[choose_cost(costs, options_.cost.temperature, sample)];

  route_choice choice;
  choice.rank = chosen.rank;
  choice.endpoint = endpoint_of(chosen.rank);
  choice.overlap = chosen.input.overlap;
  choice.overlap_blocks = chosen.input.overlap.device;
  choice.request_blocks = request.local.size();
  choice.candidates = rows.size();
  choice.cost = chosen.cost;
  choice.reason = reason_of(chosen, costs);
  requests_.add({request.request_id, chosen.rank, chosen.input.prompt_tokens,
                 cached_tokens(choice.overlap, block_size_, options_.cost),
                 request.expected_output_tokens, std::move(sequence)},
                now);
  ++counts_.chosen;
  return choice;
}

std::vector<kv_router::candidate>
kv_router::candidates(const route_request& request,
                      std::span<const std::uint64_t> sequence) const {
  const std::vector<rank_overlap> found = index_.find_matches(request.local);
  std::vector<candidate> rows;
  std::uint64_t least = ~std::uint64_t{0};
  const bool all_cut_off =
      std::none_of(ranks_.begin(), ranks_.end(), [](const auto& one) {
        return one.second.member && !one.second.cut_off;
      });
  auto next = found.begin();
  for (const auto& [rank, state] : ranks_) {
    if (!state.member || (state.cut_off && !all_cut_off))
      continue;
    candidate row{.rank = rank, .input = {}, .cost = {}};
    // Both are in ascending order.
    while (next != found.end() && next->rank < rank)
      ++next;
    row.input.overlap = next != found.end() && next->rank == rank
                            ? *next
                            : rank_overlap{.rank = rank};
    row.input.block_size = block_size_;
    row.input.request_blocks = request.local.size();
    row.input.prompt_tokens = request.prompt_tokens > 0
                                  ? request.prompt_tokens
                                  : request.local.size() * block_size_;
    row.input.load = requests_.load(rank);
    row.input.additional_blocks = requests_.additional_blocks(rank, sequence);
    least = std::min(
        least, row.input.load ? row.input.load->active_prefill_tokens : 0);
    rows.push_back(row);
  }
  for (candidate& row : rows) {
    row.input.least_prefill_tokens = least;
    row.cost = cost_of(row.input, options_.cost);
  }
  return rows;
}

std::string kv_router::reason_of(const candidate& chosen,
                                 std::span<const double> costs) const {
  const std::string ranks = std::to_string(costs.size()) + " ranks";
  const auto equal = std::count(costs.begin(), costs.end(), chosen.cost.total);
  std::string reason;
  if (costs.size() == 1)
    reason = "the only rank";
  else if (options_.cost.temperature > 0)
    reason = "drawn from " + ranks + " at temperature " +
             short_number(options_.cost.temperature);
  else if (equal > 1)
    reason = "one of " + std::to_string(equal) + " equally cheap of " + ranks;
  else
    reason = "cheapest of " + ranks;
  const rank_overlap& overlap = chosen.input.overlap;
  reason += ": " + std::to_string(overlap.device) + " of " +
            std::to_string(chosen.input.request_blocks) + " blocks cached";
  if (overlap.disk > overlap.device)
    reason += " and " + std::to_string(overlap.disk - overlap.device) +
              " in lower tiers";
  const rank_load load = chosen.input.load.value_or(rank_load{});
  const double queued =
      static_cast<double>(load.active_prefill_tokens) / block_size_;
  return reason + ", " + short_number(queued) + " blocks of work queued";
}

std::string kv_router::endpoint_of(const worker_rank& rank) const {
  const auto at = workers_.find(rank.worker_id);
  return at == workers_.end() ? std::string{} : at->second;
}

bool kv_router::mark_prefill_completed(std::string_view request_id) {
  return requests_.mark_prefill_completed(request_id);
}

bool kv_router::free(std::string_view request_id) {
  return requests_.free(request_id);
}

std::size_t kv_router::expire(clock::time_point now) {
  return requests_.expire(now, options_.request_ttl);
}

std::vector<rank_overlap>
kv_router::overlaps(std::span<const std::uint64_t> local) const {
  std::vector<rank_overlap> found = index_.find_matches(local);
  std::erase_if(found, [&](const rank_overlap& one) {
    const auto at = ranks_.find(one.rank);
    return at == ranks_.end() || !at->second.member;
  });
  return found;
}

std::vector<rank_report> kv_router::ranks() const {
  std::vector<rank_report> reports;
  reports.reserve(ranks_.size());
  for (const auto& [rank, state] : ranks_) {
    rank_report report;
    report.rank = rank;
    report.member = state.member;
    if (state.member)
      report.endpoint = endpoint_of(rank);
    report.sync = sync_of(state);
    report.publisher_id = state.publisher;
    report.last_event_id = state.cursor.last();
    report.gaps = state.gaps;
    report.missed = state.missed;
    report.orphans = state.orphans;
    report.blocks = index_.blocks(rank);
    report.load = requests_.load(rank).value_or(rank_load{});
    report.reported = state.reported;
    reports.push_back(std::move(report));
  }
  return reports;
}

std::vector<held_block> kv_router::blocks(const worker_rank& rank) const {
  return index_.dump(rank);
}

std::size_t kv_router::members() const {
  return static_cast<std::size_t>(
      std::count_if(ranks_.begin(), ranks_.end(),
                    [](const auto& one) { return one.second.member; }));
}

router_counts kv_router::counts() const {
  router_counts totals = counts_;
  totals.early_kept = early_.size();
  totals.early_dropped = early_.dropped();
  totals.requests = requests_.counts();
  return totals;
}

sync_state kv_router::sync_of(const rank_state& state) {
  if (state.stale)
    return sync_state::stale;
  if (state.partial)
    return sync_state::partial;
  return state.cursor.last() ? sync_state::in_sync : sync_state::waiting;
}

} // namespace dynamo
