#pragma once

#include "dynamo/events/sequence.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace dynamo {

/// Which publisher speaks for which rank. Of several for one rank the newest
/// does; when it goes, the newest of the others.
class source_table {
 public:
  explicit source_table(std::size_t sources_max);

  enum class binding {
    /// The publisher speaks for the rank from now on.
    fresh,
    /// It did so already.
    unchanged,
    /// The table is full.
    refused,
  };

  /// A publisher that was bound to another rank must be unbound first;
  /// otherwise its binding stays as it is.
  binding bind(std::uint64_t publisher_id, const worker_rank& rank);

  /// The rank that the publisher was bound to; nothing when to none.
  std::optional<worker_rank> unbind(std::uint64_t publisher_id);

  std::optional<worker_rank> rank_of(std::uint64_t publisher_id) const;

  /// The publisher that speaks for the rank.
  std::optional<std::uint64_t> speaker_of(const worker_rank& rank) const;

  /// Publishers that are bound to the rank.
  std::size_t count(const worker_rank& rank) const;

 private:
  std::size_t sources_max_;
  std::unordered_map<std::uint64_t, worker_rank> ranks_;
  /// Oldest binding first.
  std::map<worker_rank, std::vector<std::uint64_t>> publishers_;
};

} // namespace dynamo
