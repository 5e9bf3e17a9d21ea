#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace dynamo::apps {

/// Appends XXH3-64, seed 1337, of some words as u64 LE: the local hash of a
/// block whose tokens are their halves.
void append_block_hash(std::initializer_list<std::uint64_t> words,
                       std::vector<std::uint64_t>& to);

} // namespace dynamo::apps
