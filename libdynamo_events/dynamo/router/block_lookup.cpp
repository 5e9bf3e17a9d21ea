#include "dynamo/router/block_lookup.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

block_lookup::block_lookup(std::shared_ptr<const prefix_index> index,
                           std::shared_ptr<const predictor> predicted)
    : index_(std::move(index))
    , predicted_(std::move(predicted)) {}

std::vector<rank_overlap>
block_lookup::find_matches(std::span<const std::uint64_t> local) const {
  std::vector<rank_overlap> heard;
  if (index_)
    heard = index_->find_matches(local);
  if (!predicted_)
    return heard;
  const std::vector<rank_overlap> expected = predicted_->find_matches(local);
  if (heard.empty())
    return expected;
  std::vector<rank_overlap> both;
  both.reserve(heard.size() + expected.size());
  auto next = expected.begin();
  for (rank_overlap row : heard) {
    for (; next != expected.end() && next->rank < row.rank; ++next)
      both.push_back(*next);
    if (next != expected.end() && next->rank == row.rank) {
      row.device = std::max(row.device, next->device);
      row.host = std::max(row.host, row.device);
      row.disk = std::max(row.disk, row.host);
      ++next;
    }
    both.push_back(row);
  }
  both.insert(both.end(), next, expected.end());
  return both;
}

} // namespace dynamo
