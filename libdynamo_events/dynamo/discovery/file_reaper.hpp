#pragma once

#include "dynamo/discovery/file_keeper.hpp"
#include "dynamo/discovery/file_store.hpp"
#include "dynamo/discovery/file_timing.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace dynamo {

/// Removes what dead processes have left, as every process of a store does.
///
/// A file looks expired, too, when its owner had no chance to touch it: when
/// the wall clock was set, or when the machine or this process stood still.
/// Then nothing is removed for one lifetime, in which owners come back.
class file_reaper {
 public:
  /// The references outlive this object.
  file_reaper(const file_store& store, const file_timing& timing);

  /// To be called at least as often as files are touched.
  void observe(const file_moment& now);

  /// Removes the expired among the entries, temporary files included, but none
  /// that the keeper owns; how many. Call it after the owned were touched.
  std::uint64_t sweep(bucket where, const std::vector<file_entry>& entries,
                      const file_keeper& keeper, const file_moment& now);

 private:
  bool expired(const file_stamp& stamp,
               std::chrono::system_clock::time_point now) const;

  const file_store& store_;
  const file_timing& timing_;
  std::optional<file_moment> last_;
  std::chrono::steady_clock::time_point not_before_;
};

} // namespace dynamo
