#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

// How token sequences become block names; byte-exact with Dynamo 1.3 to 1.6.

namespace dynamo {

/// Seed of every hash without an adapter or a cache namespace.
inline constexpr std::uint64_t block_hash_seed = 1337;

/// What, beside its tokens, makes a block another block.
struct block_hash_options {
  /// Name of the adapter; empty: none.
  std::string_view lora_name;
  /// Cache namespace or salt; empty: none.
  std::string_view cache_namespace;
  /// EAGLE: each block reaches one token into the next.
  bool eagle = false;
  /// Hashes of the pictures, sounds and films in block i at [i], in any order;
  /// blocks beyond the end have none.
  std::span<const std::vector<std::uint64_t>> mm_hashes;
};

/// The seed that an adapter and a cache namespace make.
std::uint64_t seed_of(std::string_view lora_name,
                      std::string_view cache_namespace);

/// Local block hashes ("tokens_hash"): one per full block. A partial last block
/// has none, and a block size of 0 gives none at all.
std::vector<std::uint64_t>
local_block_hashes(std::span<const std::uint32_t> tokens,
                   std::uint32_t block_size,
                   const block_hash_options& options = {});

/// Sequence hashes: element i names the whole prefix up to and with block i.
std::vector<std::uint64_t>
sequence_hashes(std::span<const std::uint64_t> local);

/// The sequence hash of a block: of the one before it, and of its local hash.
/// That of a first block is its local hash.
std::uint64_t next_sequence_hash(std::uint64_t before, std::uint64_t local);

/// Hashes of a prompt that comes in pieces, the same as those of the whole.
/// Blocks are hashed where they lie; only a block that lies in several pieces
/// is gathered first, so that no more than one block is ever kept.
class block_hasher {
 public:
  /// Of the options only `mm_hashes` must outlive the hasher.
  block_hasher(std::uint32_t block_size, const block_hash_options& options);

  /// Takes the next tokens, any number of them, and appends the local hashes of
  /// the blocks that they complete.
  void append(std::span<const std::uint32_t> tokens,
              std::vector<std::uint64_t>& local);
  /// The same, with their sequence hashes. Either all calls are this one or
  /// none is.
  void append(std::span<const std::uint32_t> tokens,
              std::vector<std::uint64_t>& local,
              std::vector<std::uint64_t>& sequence);

  /// Blocks completed so far.
  std::size_t blocks() const { return blocks_; }

 private:
  std::span<const std::uint32_t>
  complete_pending(std::span<const std::uint32_t> tokens,
                   std::vector<std::uint64_t>& local);
  std::span<const std::uint32_t>
  hash_plain(std::span<const std::uint32_t> tokens,
             std::vector<std::uint64_t>& local);
  std::uint64_t hash_next(std::span<const std::uint32_t> window);

  /// Tokens from one block to the next.
  std::size_t stride_;
  /// Tokens that are hashed for a block: with EAGLE one more.
  std::size_t window_;
  std::uint64_t seed_;
  std::span<const std::vector<std::uint64_t>> mm_hashes_;
  /// Tokens of the block in progress; fewer than a window.
  std::vector<std::uint32_t> pending_;
  std::size_t blocks_ = 0;
  std::uint64_t last_sequence_ = 0;
};

/// The hash of a multimodal object's identifier: 64 hex digits give their
/// first 16, an empty text nothing, any other text its XXH3.
std::optional<std::uint64_t> mm_identifier_hash(std::string_view identifier);

/// The token that stands for a multimodal object where engines replace its
/// placeholders before hashing.
std::uint32_t mm_pad_value(std::uint64_t mm_hash);

} // namespace dynamo
