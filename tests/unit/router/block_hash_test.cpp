#include "dynamo/router/block_hash.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "support/catch.hpp"

using dynamo::local_block_hashes;

namespace {

nlohmann::json vectors() {
  std::ifstream file{DYNAMO_TEST_DATA "/vectors/hashes.json"};
  REQUIRE(file);
  return nlohmann::json::parse(file);
}

std::vector<std::uint64_t> numbers(const nlohmann::json& texts) {
  std::vector<std::uint64_t> out;
  for (const auto& text : texts)
    out.push_back(std::stoull(text.get<std::string>()));
  return out;
}

std::string text_or_empty(const nlohmann::json& value) {
  return value.is_null() ? std::string{} : value.get<std::string>();
}

const std::vector<std::uint32_t> one_block{1, 2, 3, 4};

struct hashes {
  std::vector<std::uint64_t> local;
  std::vector<std::uint64_t> sequence;

  bool operator==(const hashes&) const = default;
};

/// The tokens handed over in pieces of the given sizes, the last one repeated.
hashes in_pieces(std::span<const std::uint32_t> tokens,
                 std::uint32_t block_size,
                 const dynamo::block_hash_options& options,
                 const std::vector<std::size_t>& sizes) {
  dynamo::block_hasher hasher{block_size, options};
  hashes out;
  for (std::size_t i = 0; !tokens.empty(); ++i) {
    const std::size_t size =
        std::min(tokens.size(), sizes[std::min(i, sizes.size() - 1)]);
    // A copy of its own, so that nothing can be read beyond the piece.
    const std::vector<std::uint32_t> piece(
        tokens.begin(), tokens.begin() + static_cast<int>(size));
    hasher.append(piece, out.local, out.sequence);
    tokens = tokens.subspan(size);
  }
  CHECK(hasher.blocks() == out.local.size());
  return out;
}

hashes at_once(std::span<const std::uint32_t> tokens, std::uint32_t block_size,
               const dynamo::block_hash_options& options) {
  hashes out;
  out.local = local_block_hashes(tokens, block_size, options);
  out.sequence = dynamo::sequence_hashes(out.local);
  return out;
}

} // namespace

TEST_CASE("block hashes equal Dynamo's in every recorded case") {
  const nlohmann::json cases = vectors()["cases"];
  REQUIRE(cases.size() >= 10);
  for (const auto& row : cases) {
    INFO(row["name"].get<std::string>());
    const auto tokens = row["tokens"].get<std::vector<std::uint32_t>>();
    const std::string lora = text_or_empty(row["lora_name"]);
    const std::string ns = text_or_empty(row["cache_namespace"]);
    const auto local =
        local_block_hashes(tokens, row["block_size"].get<std::uint32_t>(),
                           {.lora_name = lora,
                            .cache_namespace = ns,
                            .eagle = row["eagle"].get<bool>(),
                            .mm_hashes = {}});
    CHECK(local == numbers(row["local"]));
    CHECK(dynamo::sequence_hashes(local) == numbers(row["sequence"]));
    CHECK(dynamo::seed_of(lora, ns) ==
          std::stoull(row["seed"].get<std::string>()));
  }
}

TEST_CASE("multimodal block hashes equal Dynamo's in every recorded case") {
  const nlohmann::json cases = vectors()["multimodal"];
  REQUIRE(cases.size() >= 3);
  for (const auto& row : cases) {
    const auto tokens = row["tokens"].get<std::vector<std::uint32_t>>();
    const std::vector<std::vector<std::uint64_t>> objects{
        numbers(row["mm_hashes"])};
    const auto local = local_block_hashes(tokens, 4,
                                          {.lora_name = {},
                                           .cache_namespace = {},
                                           .eagle = false,
                                           .mm_hashes = objects});
    REQUIRE(local.size() == 1);
    CHECK(local[0] == std::stoull(row["local"].get<std::string>()));
  }
}

TEST_CASE("a block_hasher gives every recorded hash, however tokens come") {
  const nlohmann::json cases = vectors()["cases"];
  for (const auto& row : cases) {
    INFO(row["name"].get<std::string>());
    const auto tokens = row["tokens"].get<std::vector<std::uint32_t>>();
    const std::string lora = text_or_empty(row["lora_name"]);
    const std::string ns = text_or_empty(row["cache_namespace"]);
    const dynamo::block_hash_options options{.lora_name = lora,
                                             .cache_namespace = ns,
                                             .eagle = row["eagle"].get<bool>(),
                                             .mm_hashes = {}};
    const hashes expected{numbers(row["local"]), numbers(row["sequence"])};
    for (std::size_t size = 1; size <= tokens.size(); ++size)
      CHECK(in_pieces(tokens, row["block_size"].get<std::uint32_t>(), options,
                      {size}) == expected);
  }
  const nlohmann::json multimodal = vectors()["multimodal"];
  for (const auto& row : multimodal) {
    const std::vector<std::vector<std::uint64_t>> objects{
        numbers(row["mm_hashes"])};
    const dynamo::block_hash_options options{.lora_name = {},
                                             .cache_namespace = {},
                                             .eagle = false,
                                             .mm_hashes = objects};
    for (std::size_t size = 1; size <= 4; ++size)
      CHECK(in_pieces(row["tokens"].get<std::vector<std::uint32_t>>(), 4,
                      options, {size})
                .local == numbers(nlohmann::json::array({row["local"]})));
  }
}

TEST_CASE("any split of the tokens gives the hashes of the whole") {
  std::mt19937 random{7};
  const auto below = [&random](std::size_t end) {
    return static_cast<std::size_t>(random()) % end;
  };
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::uint32_t> tokens(below(400));
    for (std::uint32_t& token : tokens)
      token = static_cast<std::uint32_t>(random());
    std::vector<std::vector<std::uint64_t>> objects(below(2) * below(6));
    for (auto& of_block : objects) {
      of_block.resize(below(4));
      std::generate(of_block.begin(), of_block.end(), [&] { return random(); });
    }
    const dynamo::block_hash_options options{
        .lora_name = below(2) == 0 ? "" : "adapter-a",
        .cache_namespace = below(2) == 0 ? "" : "tenant-1",
        .eagle = below(2) == 0,
        .mm_hashes = objects};
    const auto block_size = static_cast<std::uint32_t>(below(33));
    std::vector<std::size_t> sizes(1 + below(10));
    std::generate(sizes.begin(), sizes.end(),
                  [&] { return 1 + below(1 + below(100)); });
    INFO("round " << round << ", blocks of " << block_size);
    REQUIRE(in_pieces(tokens, block_size, options, sizes) ==
            at_once(tokens, block_size, options));
  }
}

TEST_CASE("empty pieces change nothing") {
  dynamo::block_hasher hasher{4, {}};
  std::vector<std::uint64_t> local;
  hasher.append({}, local);
  hasher.append(std::span{one_block}.first(3), local);
  hasher.append({}, local);
  CHECK(local.empty());
  hasher.append(std::span{one_block}.last(1), local);
  CHECK(local == local_block_hashes(one_block, 4));
}

TEST_CASE("a block_hasher appends behind what stands there") {
  dynamo::block_hasher hasher{4, {}};
  std::vector<std::uint64_t> local{77};
  std::vector<std::uint64_t> sequence{78, 79};
  hasher.append(one_block, local, sequence);
  hasher.append(one_block, local, sequence);
  const std::uint64_t hash = local_block_hashes(one_block, 4)[0];
  CHECK(local == std::vector<std::uint64_t>{77, hash, hash});
  CHECK(sequence == std::vector<std::uint64_t>{
                        78, 79, hash, dynamo::next_sequence_hash(hash, hash)});
}

TEST_CASE("the order in which a block's objects are named does not matter") {
  const std::vector<std::vector<std::uint64_t>> ascending{{3, 7, 7}};
  const std::vector<std::vector<std::uint64_t>> mixed{{7, 3, 7}};
  const auto hash_with = [](const auto& objects) {
    return local_block_hashes(one_block, 4,
                              {.lora_name = {},
                               .cache_namespace = {},
                               .eagle = false,
                               .mm_hashes = objects});
  };
  CHECK(hash_with(ascending) == hash_with(mixed));
}

TEST_CASE("multimodal objects change only the block that they are in") {
  const std::vector<std::uint32_t> tokens{1, 2, 3, 4, 5, 6, 7, 8};
  const std::vector<std::vector<std::uint64_t>> objects{{}, {7}};
  const auto plain = local_block_hashes(tokens, 4);
  const auto with = local_block_hashes(tokens, 4,
                                       {.lora_name = {},
                                        .cache_namespace = {},
                                        .eagle = false,
                                        .mm_hashes = objects});
  REQUIRE(with.size() == 2);
  CHECK(with[0] == plain[0]);
  CHECK(with[1] != plain[1]);
}

TEST_CASE("a block size of zero gives no hashes") {
  CHECK(local_block_hashes(one_block, 0).empty());
}

TEST_CASE("no tokens give no hashes, with EAGLE too") {
  CHECK(local_block_hashes({}, 4).empty());
  CHECK(local_block_hashes({}, 4,
                           {.lora_name = {},
                            .cache_namespace = {},
                            .eagle = true,
                            .mm_hashes = {}})
            .empty());
}

TEST_CASE("a partial last block is not hashed") {
  std::vector<std::uint32_t> tokens = one_block;
  const auto whole = local_block_hashes(tokens, 4);
  for (const std::uint32_t token : {5, 6, 7}) {
    tokens.push_back(token);
    CHECK(local_block_hashes(tokens, 4) == whole);
  }
  tokens.push_back(8);
  CHECK(local_block_hashes(tokens, 4).size() == 2);
}

TEST_CASE("an adapter and a cache namespace are added to the seed") {
  CHECK(dynamo::seed_of("", "") == 1337);
  CHECK(dynamo::seed_of("adapter-a", "") == 8842669519798868182U);
  CHECK(dynamo::seed_of("", "tenant-1") == 13131544620552358486U);
  CHECK(dynamo::seed_of("adapter-a", "tenant-1") == 3527470066641673715U);
}

TEST_CASE("the seed of sequence hashes is the same for every adapter") {
  const std::vector<std::uint64_t> local{14643705804678351452U,
                                         16777012769546811212U};
  CHECK(
      dynamo::sequence_hashes(local) ==
      std::vector<std::uint64_t>{14643705804678351452U, 4945711292740353085U});
  CHECK(
      dynamo::next_sequence_hash(11381080598872079209U, 5698110331184095209U) ==
      17518568667535815909U);
}

TEST_CASE("EAGLE hashes no block whose next token is missing") {
  CHECK(local_block_hashes(one_block, 4,
                           {.lora_name = {},
                            .cache_namespace = {},
                            .eagle = true,
                            .mm_hashes = {}})
            .empty());
}

TEST_CASE("an identifier's hash is XXH3, or what 64 hex digits begin with") {
  CHECK(dynamo::mm_identifier_hash("img-1") == 14770383865288705413U);
  CHECK_FALSE(dynamo::mm_identifier_hash(""));
  const std::string hex = "123456789ABCdef0" + std::string(48, '7');
  CHECK(dynamo::mm_identifier_hash(hex) == 0x123456789abcdef0U);
  CHECK(dynamo::mm_identifier_hash("x" + hex.substr(1)) != 0x023456789abcdef0U);
}

TEST_CASE("a pad value keeps the low 30 bits of the object's hash") {
  CHECK(dynamo::mm_pad_value(0x123456789abcdef0) == 449585456);
}
