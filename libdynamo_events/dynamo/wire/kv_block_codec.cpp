#include "dynamo/wire/kv_block_codec.hpp"

#include "dynamo/wire/mm_object_codec.hpp"
#include "dynamo/wire/struct_reader.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

// A block of a stored event:
//
//   block  {"block_hash": u64, "tokens_hash": u64,
//           "mm_extra_info": nil|BlockExtraInfo}
//
// BlockExtraInfo stands in mm_object_codec.cpp.

namespace dynamo {

namespace {

template <std::size_t... Sizes>
constexpr auto joined(const std::array<std::uint8_t, Sizes>&... parts) {
  std::array<std::uint8_t, (Sizes + ...)> all{};
  auto at = all.begin();
  ((at = std::copy(parts.begin(), parts.end(), at)), ...);
  return all;
}

/// A block as Dynamo and we write it when both hashes take the full width, as
/// they nearly always do: all bytes but those of the hashes, in three pieces,
/// and where they and the hashes are.
struct usual_block {
  using byte = std::array<std::uint8_t, 1>;
  static constexpr byte map_of_3{0x83};
  static constexpr byte u64_head{0xcf};
  static constexpr byte nil{0xc0};

  static constexpr auto begin =
      joined(map_of_3, encoded_key<"block_hash">, u64_head);
  static constexpr auto middle = joined(encoded_key<"tokens_hash">, u64_head);
  static constexpr auto end = joined(encoded_key<"mm_extra_info">, nil);

  static constexpr std::size_t block_hash_at = begin.size();
  static constexpr std::size_t middle_at = block_hash_at + 8;
  static constexpr std::size_t tokens_hash_at = middle_at + middle.size();
  static constexpr std::size_t end_at = tokens_hash_at + 8;
  static constexpr std::size_t size_bytes = end_at + end.size();
};

template <std::size_t Size>
bool stands_at(const std::uint8_t* at,
               const std::array<std::uint8_t, Size>& bytes) {
  return std::memcmp(at, bytes.data(), Size) == 0;
}

bool take_usual_block(msgpack_reader& in, kv_block& block) {
  const byte_view rest = in.rest();
  if (rest.size() < usual_block::size_bytes) {
    return false;
  }
  const std::uint8_t* const at = rest.data();
  if (!stands_at(at, usual_block::begin) ||
      !stands_at(at + usual_block::middle_at, usual_block::middle) ||
      !stands_at(at + usual_block::end_at, usual_block::end)) {
    return false;
  }
  block.block_hash = load_u64_be(at + usual_block::block_hash_at);
  block.tokens_hash = load_u64_be(at + usual_block::tokens_hash_at);
  in.pass(usual_block::size_bytes);
  return true;
}

void read_any_block(msgpack_reader& in, kv_block& block) {
  read_struct(
      in, required_key<"block_hash">([&] { block.block_hash = in.read_u64(); }),
      required_key<"tokens_hash">([&] { block.tokens_hash = in.read_u64(); }),
      optional_key<"mm_extra_info">([&] {
        if (!in.take_nil()) {
          read_mm_objects(in, block.mm_objects.emplace());
        }
      }));
}

} // namespace

void write_kv_blocks(msgpack_writer& out, std::span<const kv_block> blocks) {
  // A map, three keys with their heads, two numbers and a nil.
  constexpr std::size_t bytes_max =
      1 + 11 + 12 + 14 + 2 * msgpack_cursor::uint_bytes_max + 1;
  msgpack_cursor at = out.reserve(blocks.size() * bytes_max);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const kv_block& block = blocks[i];
    at.map_header(3);
    at.key("block_hash");
    at.uint(block.block_hash);
    at.key("tokens_hash");
    at.uint(block.tokens_hash);
    at.key("mm_extra_info");
    if (block.mm_objects) {
      out.commit(at);
      write_mm_objects(out, *block.mm_objects);
      at = out.reserve((blocks.size() - i - 1) * bytes_max);
    } else {
      at.nil();
    }
  }
  out.commit(at);
}

void read_kv_blocks(msgpack_reader& in, std::vector<kv_block>& blocks) {
  read_list(in, blocks, [&](kv_block& block) {
    if (!take_usual_block(in, block)) {
      read_any_block(in, block);
    }
  });
}

} // namespace dynamo
