#pragma once

#include "dynamo/router/predictor.hpp"
#include "dynamo/router/prefix_index.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace dynamo {

/// Looks up what ranks hold of a request, beside the router that changes it.
/// Thread-safe. Keeps what it looks into alive.
class block_lookup {
 public:
  /// Either may be null: what is not there holds nothing.
  block_lookup(std::shared_ptr<const prefix_index> index,
               std::shared_ptr<const predictor> predicted);

  /// The ranks that hold any leading blocks, members or not, in ascending
  /// order. Where both know a rank the longer match counts.
  std::vector<rank_overlap>
  find_matches(std::span<const std::uint64_t> local) const;

 private:
  std::shared_ptr<const prefix_index> index_;
  std::shared_ptr<const predictor> predicted_;
};

} // namespace dynamo
