#include "dynamo/router/block_hash.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
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
