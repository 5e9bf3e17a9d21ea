#include "dynamo/router/event_rules.hpp"

#include <algorithm>
#include <cstddef>

namespace dynamo {

bool is_own_parent(const kv_stored& stored) {
  const auto& blocks = stored.blocks;
  for (std::size_t i = 1; i < blocks.size(); ++i) {
    if (blocks[i].block_hash == blocks[i - 1].block_hash)
      return true;
  }
  return stored.parent_hash &&
         std::any_of(blocks.begin(), blocks.end(), [&](const kv_block& block) {
           return block.block_hash == *stored.parent_hash;
         });
}

apply_report finish(apply_report report) {
  const bool changed = report.stored + report.removed + report.conflicts > 0;
  if (report.outcome == apply_outcome::applied) {
    if (report.unknown > 0)
      report.outcome = apply_outcome::block_unknown;
    else if (report.duplicates > 0 && !changed)
      report.outcome = apply_outcome::duplicate;
  }
  return report;
}

} // namespace dynamo
