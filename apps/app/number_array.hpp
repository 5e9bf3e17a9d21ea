#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Long arrays of integers, read straight from JSON text: a tree of JSON values
// takes many times as long and four times the memory. Pure.

namespace dynamo::apps {

/// A prompt's arrays; nothing when they are not there, or not what they should
/// be.
struct number_arrays {
  /// The member "tokens".
  std::optional<std::vector<std::uint32_t>> tokens;
  /// The member "block_hashes".
  std::optional<std::vector<std::uint64_t>> block_hashes;
};

/// The text with "null" in the place of each array that was taken out of it.
/// Whatever is not an array of fitting integers stays, for a parser to complain
/// about; so does all of a text that is no JSON object, or names a member
/// twice.
std::string take_arrays(std::string_view text, number_arrays& arrays);

} // namespace dynamo::apps
