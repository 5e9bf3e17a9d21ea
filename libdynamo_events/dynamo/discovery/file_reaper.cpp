#include "dynamo/discovery/file_reaper.hpp"

namespace dynamo {

file_reaper::file_reaper(const file_store& store, const file_timing& timing)
    : store_(store)
    , timing_(timing) {}

void file_reaper::observe(const file_moment& now) {
  if (last_) {
    const auto steady = now.steady - last_->steady;
    const auto drift = (now.wall - last_->wall) - steady;
    const bool stood_still = steady > 2 * timing_.keep_alive;
    const bool stepped = std::chrono::abs(drift) > timing_.lifetime / 10;
    if (stood_still || stepped) {
      not_before_ = now.steady + timing_.lifetime;
    }
  }
  last_ = now;
}

std::uint64_t file_reaper::sweep(bucket where,
                                 const std::vector<file_entry>& entries,
                                 const file_keeper& keeper,
                                 const file_moment& now) {
  if (now.steady < not_before_) {
    return 0;
  }
  std::uint64_t reaped = 0;
  for (const file_entry& entry : entries) {
    if (!entry.stamp.regular || !expired(entry.stamp, now.wall) ||
        keeper.owns(where, entry.name)) {
      continue;
    }
    // The entries may be old by now: this process can be stopped at any place,
    // and the owner can be back.
    const auto fresh = store_.stamp_of(where, entry.name);
    if (fresh && fresh->regular &&
        expired(*fresh, std::chrono::system_clock::now()) &&
        store_.remove(where, entry.name)) {
      ++reaped;
    }
  }
  return reaped;
}

bool file_reaper::expired(const file_stamp& stamp,
                          std::chrono::system_clock::time_point now) const {
  return now - stamp.modified > timing_.lifetime;
}

} // namespace dynamo
