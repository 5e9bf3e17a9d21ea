#include "dynamo/router/event_rules.hpp"

#include <cstdint>
#include <optional>

namespace dynamo {

bool is_own_parent(const kv_stored& stored) {
  std::optional<std::uint64_t> before = stored.parent_hash;
  for (const kv_block& block : stored.blocks) {
    if (block.block_hash == before || block.block_hash == stored.parent_hash)
      return true;
    before = block.block_hash;
  }
  return false;
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
