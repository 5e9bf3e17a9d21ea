#include "dynamo/wire/kv_block_codec.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <vector>

#include "support/catch.hpp"

using namespace dynamo;
using nlohmann::json;

namespace {

using blocks = std::vector<kv_block>;

constexpr std::uint64_t u64_max = std::numeric_limits<std::uint64_t>::max();

byte_buffer msgpack_of(const json& value) {
  byte_buffer bytes;
  json::to_msgpack(value, bytes);
  return bytes;
}

byte_buffer written(const blocks& from) {
  byte_buffer bytes;
  msgpack_writer out{bytes};
  out.write_array_header(from.size());
  write_kv_blocks(out, from);
  return bytes;
}

blocks read(byte_view bytes) {
  msgpack_reader in{bytes};
  blocks found;
  read_kv_blocks(in, found);
  INFO((in.ok() ? "" : in.failure("blocks").message));
  REQUIRE(in.ok());
  CHECK(in.rest().empty());
  return found;
}

} // namespace

TEST_CASE("blocks mean the same however they are written") {
  // The narrow ones are no usual blocks, and the JSON library sorts the keys.
  const std::vector<std::uint64_t> hashes{
      0, 1, 127, 128, 65'536, 0xffff'ffff, 0x1'0000'0000, u64_max};
  blocks made;
  json in_other_order = json::array();
  json without_nil = json::array();
  for (const std::uint64_t hash : hashes) {
    for (const std::uint64_t tokens : hashes) {
      made.push_back({hash, tokens, {}});
      in_other_order.push_back({{"block_hash", hash},
                                {"tokens_hash", tokens},
                                {"mm_extra_info", nullptr}});
      without_nil.push_back({{"block_hash", hash}, {"tokens_hash", tokens}});
    }
  }
  CHECK(read(written(made)) == made);
  CHECK(read(msgpack_of(in_other_order)) == made);
  CHECK(read(msgpack_of(without_nil)) == made);
}

TEST_CASE("usual blocks and others may stand in one list") {
  blocks made{{u64_max, u64_max - 1, {}}, {7, u64_max, {}}, {u64_max, 8, {}}};
  made.push_back({u64_max - 2, u64_max - 3, {}});
  made[2].mm_objects.emplace();
  CHECK(read(written(made)) == made);
  std::reverse(made.begin(), made.end());
  CHECK(read(written(made)) == made);
}

TEST_CASE("every truncation of usual blocks is refused") {
  const byte_buffer whole =
      written({{u64_max, u64_max - 1, {}}, {u64_max - 2, u64_max - 3, {}}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const byte_buffer part(whole.begin(),
                           whole.begin() + static_cast<std::ptrdiff_t>(size));
    msgpack_reader in{part};
    blocks found;
    read_kv_blocks(in, found);
    CHECK_FALSE(in.ok());
  }
}

TEST_CASE("a usual block with another byte between its hashes is looked at") {
  const blocks made{{u64_max, u64_max - 1, {}}};
  const byte_buffer whole = written(made);
  // The array, the map, and the first key with its head.
  constexpr std::size_t first_hash_at = 1 + 1 + 11 + 1;
  constexpr std::size_t second_hash_at = first_hash_at + 8 + 12 + 1;
  for (std::size_t at = 2; at < second_hash_at; ++at) {
    if (at >= first_hash_at && at < first_hash_at + 8) {
      continue;
    }
    // A key of another name or length, or a head of another width.
    byte_buffer damaged = whole;
    damaged[at] ^= 0x01;
    msgpack_reader in{damaged};
    blocks found;
    read_kv_blocks(in, found);
    INFO(at);
    CHECK_FALSE(in.ok());
  }
}
