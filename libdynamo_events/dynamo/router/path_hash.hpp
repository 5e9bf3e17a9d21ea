#pragma once

#include "dynamo/router/bucket_table.hpp"

#include <bit>
#include <cstdint>

namespace dynamo {

/// Hashes a block's path, that is the local hashes of all blocks from the root
/// to it, one step a block. Given the parent's path a step is a bijection of
/// the local hash: blocks of one parent never collide, and the local hash can
/// be computed back. `seed` makes start and factor, so that who does not know
/// it cannot aim at collisions.
class path_hash {
 public:
  explicit path_hash(std::uint64_t seed)
      : start_(mix(seed + 0x632be59bd9b4e019U))
      , factor_(mix(seed ^ 0x9e3779b97f4a7c15U) | 1)
      , inverse_(inverse_of(factor_)) {}

  /// The path of the root.
  std::uint64_t start() const { return start_; }

  std::uint64_t step(std::uint64_t parent, std::uint64_t local) const {
    return (std::rotl(parent, turn) + local) * factor_;
  }

  std::uint64_t local_of(std::uint64_t parent, std::uint64_t path) const {
    return path * inverse_ - std::rotl(parent, turn);
  }

  /// For a table: the factor leaves the low bits poor.
  static std::uint64_t spread(std::uint64_t path) {
    return (path ^ path >> 32) * 0x9e3779b97f4a7c15U;
  }

 private:
  static constexpr int turn = 23;

  /// Modulo 2^64, by Newton's method: each step doubles the right bits, and an
  /// odd number is its own inverse modulo 8.
  static std::uint64_t inverse_of(std::uint64_t odd) {
    std::uint64_t inverse = odd;
    for (int bits = 3; bits < 64; bits *= 2)
      inverse *= 2 - odd * inverse;
    return inverse;
  }

  std::uint64_t start_;
  std::uint64_t factor_;
  std::uint64_t inverse_;
};

} // namespace dynamo
