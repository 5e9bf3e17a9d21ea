#include "apps/app/number_array.hpp"

#include <nlohmann/json.hpp>

#include <limits>
#include <string>

#include "support/catch.hpp"

using namespace dynamo::apps;

namespace {

constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();

} // namespace

TEST_CASE("arrays are taken out of the text, null stands in their place") {
  number_arrays arrays;
  const std::string kept = take_arrays(
      R"( {"a" : {"tokens":[9]}, "tokens": [ 1 ,2,0 , 4294967295 ] ,"b":"]"})",
      arrays);
  CHECK(kept == R"( {"a" : {"tokens":[9]}, "tokens": null ,"b":"]"})");
  REQUIRE(arrays.tokens);
  CHECK(*arrays.tokens == std::vector<std::uint32_t>{1, 2, 0, 4294967295});
  CHECK_FALSE(arrays.block_hashes);
}

TEST_CASE("block hashes keep all 64 bits") {
  number_arrays arrays;
  CHECK(take_arrays(R"({"block_hashes":[18446744073709551615],"tokens":[]})",
                    arrays) == R"({"block_hashes":null,"tokens":null})");
  REQUIRE(arrays.block_hashes);
  CHECK(*arrays.block_hashes == std::vector<std::uint64_t>{largest});
  REQUIRE(arrays.tokens);
  CHECK(arrays.tokens->empty());
}

TEST_CASE("what is no array of fitting integers stays in the text") {
  for (const char* text : {R"({"tokens":7})",
                           R"({"tokens":[1,]})",
                           R"({"tokens":[,1]})",
                           R"({"tokens":[1 2]})",
                           R"({"tokens":[01]})",
                           R"({"tokens":[-1]})",
                           R"({"tokens":[+1]})",
                           R"({"tokens":[1.0]})",
                           R"({"tokens":[1e2]})",
                           R"({"tokens":["1"]})",
                           R"({"tokens":[[1]]})",
                           R"({"tokens":[null]})",
                           R"({"tokens":[4294967296]})",
                           R"({"tokens":[1)",
                           R"({"tokens":[)",
                           R"({"block_hashes":[18446744073709551616]})",
                           R"({"tokens" [1]})",
                           R"({"tok\u0065ns":[1]})",
                           R"([{"tokens":[1]}])",
                           R"({"a":"tokens":[1]})",
                           R"({"x\":":{"tokens":[1]}})",
                           "",
                           "{",
                           "{\"",
                           "{\"tokens\"",
                           "{\"tokens\":",
                           "{\"tokens\\"}) {
    CAPTURE(text);
    number_arrays arrays;
    CHECK(take_arrays(text, arrays) == text);
    CHECK_FALSE(arrays.tokens);
    CHECK_FALSE(arrays.block_hashes);
  }
}

TEST_CASE("of a member that is named twice the second stays in the text") {
  number_arrays arrays;
  CHECK(take_arrays(R"({"tokens":[1],"tokens":[2]})", arrays) ==
        R"({"tokens":null,"tokens":[2]})");
  CHECK(arrays.tokens == std::vector<std::uint32_t>{1});
}

TEST_CASE("junk behind an array is left to the parser") {
  number_arrays arrays;
  CHECK(take_arrays(R"({"tokens":[1] x,"b":1} y)", arrays) ==
        R"({"tokens":null x,"b":1} y)");
  CHECK(take_arrays(R"({"tokens":[1]]})", arrays) == R"({"tokens":[1]]})");
}
