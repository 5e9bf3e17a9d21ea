#include "dynamo/router/block_hash.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <memory>

namespace dynamo {

namespace {

struct free_state {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

template <class Int>
void update_le(XXH3_state_t* state, std::span<const Int> values) {
  // Numbers lie in memory as they are hashed.
  if constexpr (std::endian::native == std::endian::little) {
    XXH3_64bits_update(state, values.data(), values.size_bytes());
  } else {
    for (const Int value : values) {
      std::array<std::uint8_t, sizeof(Int)> bytes{};
      for (std::size_t i = 0; i < sizeof(Int); ++i)
        bytes[i] = static_cast<std::uint8_t>(value >> (8 * i));
      XXH3_64bits_update(state, bytes.data(), bytes.size());
    }
  }
}

using state_ptr = std::unique_ptr<XXH3_state_t, free_state>;

state_ptr new_state(std::uint64_t seed) {
  state_ptr state{XXH3_createState()};
  XXH3_64bits_reset_withSeed(state.get(), seed);
  return state;
}

std::uint64_t hash_with_objects(std::span<const std::uint32_t> tokens,
                                std::span<const std::uint64_t> mm_hashes,
                                std::uint64_t seed) {
  const state_ptr state = new_state(seed);
  update_le(state.get(), tokens);
  if (std::is_sorted(mm_hashes.begin(), mm_hashes.end())) {
    update_le(state.get(), mm_hashes);
  } else {
    std::vector<std::uint64_t> sorted(mm_hashes.begin(), mm_hashes.end());
    std::sort(sorted.begin(), sorted.end());
    update_le(state.get(), std::span<const std::uint64_t>{sorted});
  }
  return XXH3_64bits_digest(state.get());
}

// LE u32 of every token | LE u64 of every multimodal hash, ascending
std::uint64_t hash_block(std::span<const std::uint32_t> tokens,
                         std::span<const std::uint64_t> mm_hashes,
                         std::uint64_t seed) {
  if (mm_hashes.empty() && std::endian::native == std::endian::little)
    return XXH3_64bits_withSeed(tokens.data(), tokens.size_bytes(), seed);
  return hash_with_objects(tokens, mm_hashes, seed);
}

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
           (c >= 'A' && c <= 'F');
  });
}

} // namespace

std::uint64_t seed_of(std::string_view lora_name,
                      std::string_view cache_namespace) {
  std::uint64_t seed = block_hash_seed;
  if (!lora_name.empty())
    seed += XXH3_64bits_withSeed(lora_name.data(), lora_name.size(), 0);
  if (!cache_namespace.empty())
    seed +=
        XXH3_64bits_withSeed(cache_namespace.data(), cache_namespace.size(), 1);
  return seed;
}

std::vector<std::uint64_t>
local_block_hashes(std::span<const std::uint32_t> tokens,
                   std::uint32_t block_size,
                   const block_hash_options& options) {
  std::vector<std::uint64_t> hashes;
  if (block_size == 0)
    return hashes;
  hashes.reserve(tokens.size() / block_size);
  block_hasher{block_size, options}.append(tokens, hashes);
  return hashes;
}

// LE u64 of the sequence hash before | LE u64 of the local hash
std::uint64_t next_sequence_hash(std::uint64_t before, std::uint64_t local) {
  const std::array<std::uint64_t, 2> pair{before, local};
  if constexpr (std::endian::native == std::endian::little) {
    return XXH3_64bits_withSeed(pair.data(), sizeof pair, block_hash_seed);
  } else {
    const state_ptr state = new_state(block_hash_seed);
    update_le(state.get(), std::span<const std::uint64_t>{pair});
    return XXH3_64bits_digest(state.get());
  }
}

std::vector<std::uint64_t>
sequence_hashes(std::span<const std::uint64_t> local) {
  std::vector<std::uint64_t> hashes;
  hashes.reserve(local.size());
  for (const std::uint64_t hash : local)
    hashes.push_back(hashes.empty() ? hash
                                    : next_sequence_hash(hashes.back(), hash));
  return hashes;
}

block_hasher::block_hasher(std::uint32_t block_size,
                           const block_hash_options& options)
    : stride_(block_size)
    , window_(stride_ + (options.eagle ? 1 : 0))
    , seed_(seed_of(options.lora_name, options.cache_namespace))
    , mm_hashes_(options.mm_hashes) {}

void block_hasher::append(std::span<const std::uint32_t> tokens,
                          std::vector<std::uint64_t>& local) {
  if (stride_ == 0)
    return;
  if (!pending_.empty())
    tokens = complete_pending(tokens, local);
  while (tokens.size() >= window_ && blocks_ < mm_hashes_.size()) {
    local.push_back(hash_next(tokens.first(window_)));
    tokens = tokens.subspan(stride_);
  }
  tokens = hash_plain(tokens, local);
  pending_.insert(pending_.end(), tokens.begin(), tokens.end());
}

void block_hasher::append(std::span<const std::uint32_t> tokens,
                          std::vector<std::uint64_t>& local,
                          std::vector<std::uint64_t>& sequence) {
  const std::size_t before = blocks_;
  const std::size_t first = local.size();
  append(tokens, local);
  for (std::size_t i = first; i < local.size(); ++i) {
    last_sequence_ = before == 0 && i == first
                         ? local[i]
                         : next_sequence_hash(last_sequence_, local[i]);
    sequence.push_back(last_sequence_);
  }
}

// The tokens that belong to no completed block.
std::span<const std::uint32_t>
block_hasher::complete_pending(std::span<const std::uint32_t> tokens,
                               std::vector<std::uint64_t>& local) {
  const std::size_t missing = window_ - pending_.size();
  if (tokens.size() < missing)
    return tokens;
  pending_.insert(pending_.end(), tokens.begin(),
                  tokens.begin() + static_cast<std::ptrdiff_t>(missing));
  local.push_back(hash_next(pending_));
  pending_.clear();
  // With EAGLE the last token is the next block's first one, too.
  return tokens.subspan(missing - (window_ - stride_));
}

// Most prompts are this and nothing else; copies of the members spare the loop
// a third of its time.
std::span<const std::uint32_t>
block_hasher::hash_plain(std::span<const std::uint32_t> tokens,
                         std::vector<std::uint64_t>& local) {
  if (tokens.size() < window_)
    return tokens;
  const std::size_t stride = stride_;
  const std::size_t window = window_;
  const std::uint64_t seed = seed_;
  const std::size_t count = (tokens.size() - window) / stride + 1;
  for (std::size_t i = 0; i < count; ++i)
    local.push_back(hash_block(tokens.subspan(i * stride, window), {}, seed));
  blocks_ += count;
  return tokens.subspan(count * stride);
}

std::uint64_t block_hasher::hash_next(std::span<const std::uint32_t> window) {
  const std::size_t at = blocks_++;
  return hash_block(window,
                    at < mm_hashes_.size()
                        ? std::span<const std::uint64_t>{mm_hashes_[at]}
                        : std::span<const std::uint64_t>{},
                    seed_);
}

std::optional<std::uint64_t> mm_identifier_hash(std::string_view identifier) {
  if (identifier.empty())
    return std::nullopt;
  if (identifier.size() != 64 || !is_hex(identifier))
    return XXH3_64bits_withSeed(identifier.data(), identifier.size(), 0);
  std::uint64_t hash = 0;
  std::from_chars(identifier.data(), identifier.data() + 16, hash, 16);
  return hash;
}

std::uint32_t mm_pad_value(std::uint64_t mm_hash) {
  constexpr std::uint64_t low_30_bits = (std::uint64_t{1} << 30) - 1;
  return static_cast<std::uint32_t>(1'000'000 + (mm_hash & low_30_bits));
}

} // namespace dynamo
