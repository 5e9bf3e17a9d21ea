#include "dynamo/router/overload.hpp"

namespace dynamo {

namespace {

void take_over(std::optional<std::uint64_t>& field,
               const std::optional<std::uint64_t>& news) {
  if (news)
    field = news;
}

bool is_above(const std::optional<std::uint64_t>& value, double limit) {
  return value && static_cast<double>(*value) > limit;
}

} // namespace

overload_watch::overload_watch(const overload_options& options)
    : options_(options) {}

void overload_watch::add_rank(const worker_rank& rank,
                              const rank_capacity& capacity) {
  ranks_[rank].capacity = capacity;
}

void overload_watch::remove_rank(const worker_rank& rank) {
  ranks_.erase(rank);
}

bool overload_watch::merge(const active_load& load) {
  const auto at = ranks_.find({load.worker_id, load.dp_rank});
  if (at == ranks_.end())
    return false;
  std::optional<active_load>& reported = at->second.reported;
  if (!reported) {
    reported = load;
    return true;
  }
  take_over(reported->active_decode_blocks, load.active_decode_blocks);
  take_over(reported->active_prefill_tokens, load.active_prefill_tokens);
  take_over(reported->kv_used_blocks, load.kv_used_blocks);
  return true;
}

void overload_watch::note_booked(const active_load& load) {
  const auto at = ranks_.find({load.worker_id, load.dp_rank});
  if (at != ranks_.end())
    at->second.booked = load;
}

std::optional<active_load>
overload_watch::reported(const worker_rank& rank) const {
  const auto at = ranks_.find(rank);
  return at == ranks_.end() ? std::nullopt : at->second.reported;
}

bool overload_watch::is_overloaded(const worker_rank& rank) const {
  const auto at = ranks_.find(rank);
  return at != ranks_.end() && is_over(at->second);
}

bool overload_watch::is_overloaded(std::uint64_t worker_id) const {
  auto at = ranks_.lower_bound({worker_id, 0});
  if (at == ranks_.end() || at->first.worker_id != worker_id)
    return false;
  for (; at != ranks_.end() && at->first.worker_id == worker_id; ++at) {
    if (!is_over(at->second))
      return false;
  }
  return true;
}

rank_capacity overload_watch::capacity(const worker_rank& rank) const {
  const auto at = ranks_.find(rank);
  return at == ranks_.end() ? rank_capacity{} : at->second.capacity;
}

bool overload_watch::is_over(const rank_entry& entry) const {
  const auto over = [&](const std::optional<active_load>& load) {
    return load && (prefill_is_over(*load, entry.capacity) ||
                    decode_is_over(*load, entry.capacity));
  };
  return over(entry.reported) || over(entry.booked);
}

bool overload_watch::prefill_is_over(const active_load& load,
                                     const rank_capacity& capacity) const {
  const auto& tokens = load.active_prefill_tokens;
  if (options_.prefill_tokens > 0 && tokens &&
      *tokens > options_.prefill_tokens)
    return true;
  const double batch = static_cast<double>(
      capacity.max_num_batched_tokens.value_or(batched_tokens_unknown));
  return options_.prefill_tokens_fraction > 0 &&
         is_above(tokens, options_.prefill_tokens_fraction * batch);
}

bool overload_watch::decode_is_over(const active_load& load,
                                    const rank_capacity& capacity) const {
  if (!(options_.decode_blocks_fraction > 0) || !capacity.kv_total_blocks)
    return false;
  const double limit = options_.decode_blocks_fraction *
                       static_cast<double>(*capacity.kv_total_blocks);
  return is_above(load.kv_used_blocks, limit) ||
         is_above(load.active_decode_blocks, limit);
}

} // namespace dynamo
