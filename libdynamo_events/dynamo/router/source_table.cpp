#include "dynamo/router/source_table.hpp"

#include <algorithm>

namespace dynamo {

source_table::source_table(std::size_t sources_max)
    : sources_max_(sources_max) {}

source_table::binding source_table::bind(std::uint64_t publisher_id,
                                         const worker_rank& rank) {
  if (ranks_.contains(publisher_id))
    return binding::unchanged;
  if (ranks_.size() >= sources_max_)
    return binding::refused;
  ranks_.emplace(publisher_id, rank);
  publishers_[rank].push_back(publisher_id);
  return binding::fresh;
}

std::optional<worker_rank> source_table::unbind(std::uint64_t publisher_id) {
  const auto at = ranks_.find(publisher_id);
  if (at == ranks_.end())
    return std::nullopt;
  const worker_rank rank = at->second;
  ranks_.erase(at);
  const auto publishers = publishers_.find(rank);
  std::erase(publishers->second, publisher_id);
  if (publishers->second.empty())
    publishers_.erase(publishers);
  return rank;
}

std::optional<worker_rank>
source_table::rank_of(std::uint64_t publisher_id) const {
  const auto at = ranks_.find(publisher_id);
  if (at == ranks_.end())
    return std::nullopt;
  return at->second;
}

std::optional<std::uint64_t>
source_table::speaker_of(const worker_rank& rank) const {
  const auto at = publishers_.find(rank);
  if (at == publishers_.end())
    return std::nullopt;
  return at->second.back();
}

std::size_t source_table::count(const worker_rank& rank) const {
  const auto at = publishers_.find(rank);
  return at == publishers_.end() ? 0 : at->second.size();
}

} // namespace dynamo
