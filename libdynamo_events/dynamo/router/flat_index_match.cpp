#include "dynamo/router/active_ranks.hpp"
#include "dynamo/router/flat_index.hpp"

#include <algorithm>

namespace dynamo {

/// What a lookup remembers of the devices to go on in lower tiers.
struct flat_index::walk {
  /// The matched nodes, one for each depth.
  std::vector<std::uint32_t> nodes;
  /// Depth by number.
  std::vector<std::uint32_t> depths;
};

namespace {

/// Walks down from the root as long as any rank holds the next block. Calls
/// `left(rank, depth)` once for each rank that holds the first block.
template <class Left, class Step>
void descend(const device_blocks& blocks, std::span<const std::uint64_t> local,
             Left&& left, Step&& step) {
  // Most requests match little: that should not cost much.
  std::size_t ahead = 8;
  device_blocks::steps steps;
  std::uint64_t path = blocks.hash().start();
  std::uint32_t at = device_blocks::root;
  active_ranks active;
  std::uint32_t depth = 0;
  std::size_t turn = 0;
  std::size_t prepared = 0;
  for (std::size_t i = 0; i < local.size(); ++i, ++turn) {
    if (turn == prepared) {
      prepared = std::min(ahead, local.size() - i);
      blocks.prepare(path, local.subspan(i, prepared), steps);
      ahead = device_blocks::batch;
      turn = 0;
    }
    const std::uint32_t next = blocks.child(at, steps[turn]);
    if (next == no_index)
      break;
    const std::uint64_t ranks =
        blocks[next].ranks.load(std::memory_order_acquire);
    if (depth == 0)
      active.start(ranks);
    else
      active.keep(ranks, [&](std::uint32_t rank) { left(rank, depth); });
    if (active.is_empty())
      break;
    at = next;
    ++depth;
    step(at);
  }
  active.for_each([&](std::uint32_t rank) { left(rank, depth); });
  if (depth > 0)
    blocks.use(at);
}

} // namespace

void flat_index::match(std::span<const std::uint64_t> local,
                       std::vector<rank_overlap>& out) const {
  out.clear();
  const reader_epochs::reading reading{epochs_};
  if (lower_blocks_.load(std::memory_order_acquire) == 0) {
    descend(
        device_, local,
        [&](std::uint32_t rank, std::uint32_t depth) {
          out.push_back({{rank, 0}, depth, depth, depth});
        },
        [](std::uint32_t) {});
    put_ranks(out);
    return;
  }
  walk walked;
  walked.depths.resize(numbers_.bound());
  descend(
      device_, local,
      [&](std::uint32_t rank, std::uint32_t depth) {
        // A rank that is newer than the bound has its turn next time.
        if (rank < walked.depths.size())
          walked.depths[rank] = depth;
      },
      [&](std::uint32_t node) { walked.nodes.push_back(node); });
  match_lower(local, walked, out);
  put_ranks(out);
}

/// Puts ranks in place of their numbers, and leaves out those that are retired.
/// This comes last: a rank that was cleared meanwhile may have been met under
/// two numbers, and who has met the second one finds the first one retired.
void flat_index::put_ranks(std::vector<rank_overlap>& rows) const {
  std::size_t kept = 0;
  for (rank_overlap& row : rows) {
    const auto number = static_cast<std::uint32_t>(row.rank.worker_id);
    const rank_numbers::entry& known = numbers_[number];
    if (!known.live.load(std::memory_order_acquire))
      continue;
    rank_overlap& to = rows[kept++];
    if (&to != &row)
      to = row;
    to.rank = known.rank;
  }
  rows.resize(kept);
}

/// Every rank may hold something in a lower tier, whether it holds something on
/// the device or not.
void flat_index::match_lower(std::span<const std::uint64_t> local,
                             const walk& walked,
                             std::vector<rank_overlap>& out) const {
  const auto bound = static_cast<std::uint32_t>(walked.depths.size());
  for (std::uint32_t rank = 0; rank < bound; ++rank) {
    const rank_numbers::entry& known = numbers_[rank];
    if (!known.live.load(std::memory_order_acquire))
      continue;
    std::size_t depth = walked.depths[rank];
    rank_overlap row{{rank, 0}, static_cast<std::uint32_t>(depth)};
    std::optional<std::uint64_t> parent;
    bool knows_parent = depth == 0;
    for (std::uint32_t tier = 0; tier < rank_numbers::lower_count; ++tier) {
      if (known.lower[tier].load(std::memory_order_acquire) > 0) {
        if (!knows_parent)
          parent = device_.name_of(rank, walked.nodes[depth - 1]);
        knows_parent = true;
        depth += lower_.follow({rank, tier}, parent, local.subspan(depth));
      }
      if (tier == 0)
        row.host = static_cast<std::uint32_t>(depth);
    }
    row.disk = static_cast<std::uint32_t>(depth);
    if (row.disk > 0)
      out.push_back(row);
  }
}

std::vector<rank_overlap>
flat_index::find_matches(std::span<const std::uint64_t> local) const {
  std::vector<rank_overlap> found;
  match(local, found);
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.rank < b.rank; });
  return found;
}

} // namespace dynamo
