#include "dynamo/router/block_hash.hpp"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstddef>

namespace dynamo {

namespace {

template <class Int>
void append_le(std::vector<std::uint8_t>& out, Int value) {
  for (std::size_t i = 0; i < sizeof(Int); ++i)
    out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

std::uint64_t hash_with_objects(std::span<const std::uint32_t> tokens,
                                std::vector<std::uint64_t> mm_hashes,
                                std::uint64_t seed) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(tokens.size_bytes() + mm_hashes.size() * 8);
  for (const std::uint32_t token : tokens)
    append_le(bytes, token);
  std::sort(mm_hashes.begin(), mm_hashes.end());
  for (const std::uint64_t hash : mm_hashes)
    append_le(bytes, hash);
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

// LE u32 of every token | LE u64 of every multimodal hash, ascending
std::uint64_t hash_block(std::span<const std::uint32_t> tokens,
                         const std::vector<std::uint64_t>* mm_hashes,
                         std::uint64_t seed) {
  if (mm_hashes != nullptr && !mm_hashes->empty())
    return hash_with_objects(tokens, *mm_hashes, seed);
  // The tokens lie in memory as they are hashed.
  if constexpr (std::endian::native == std::endian::little)
    return XXH3_64bits_withSeed(tokens.data(), tokens.size_bytes(), seed);
  else
    return hash_with_objects(tokens, {}, seed);
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
  if (block_size == 0 || tokens.empty())
    return hashes;
  const std::uint64_t seed =
      seed_of(options.lora_name, options.cache_namespace);
  const std::size_t beyond = options.eagle ? 1 : 0;
  const std::size_t count = (tokens.size() - beyond) / block_size;
  hashes.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    hashes.push_back(hash_block(
        tokens.subspan(i * block_size, block_size + beyond),
        i < options.mm_hashes.size() ? &options.mm_hashes[i] : nullptr, seed));
  return hashes;
}

std::vector<std::uint64_t>
sequence_hashes(std::span<const std::uint64_t> local) {
  std::vector<std::uint64_t> hashes;
  hashes.reserve(local.size());
  std::vector<std::uint8_t> bytes;
  for (const std::uint64_t hash : local) {
    if (hashes.empty()) {
      hashes.push_back(hash);
      continue;
    }
    bytes.clear();
    append_le(bytes, hashes.back());
    append_le(bytes, hash);
    hashes.push_back(
        XXH3_64bits_withSeed(bytes.data(), bytes.size(), block_hash_seed));
  }
  return hashes;
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
