#include "dynamo/transport/nats_seed.hpp"

#include <string>

#include "support/catch.hpp"

namespace dynamo {

namespace {

const std::string seed =
    "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";

} // namespace

TEST_CASE("nats_public_key derives the key that NATS documents for a seed") {
  const auto key = nats_public_key(seed);
  REQUIRE(key);
  CHECK(*key == "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4");
}

TEST_CASE("nats_public_key refuses what is no user's seed and does not show "
          "it") {
  std::string damaged = seed;
  damaged[20] = damaged[20] == 'A' ? 'B' : 'A';
  // The first: of an account; the second: lower case.
  for (const std::string& text :
       {std::string{"SAANJIBNEKGCRUWJCPIWUXFBFJLR36FJTFKGBGKAT7AQXH2LVFNQWZJMQU"
                    "4"},
        "su" + seed.substr(2), damaged, seed.substr(1), seed + "A",
        std::string{}, std::string(58, 'A')}) {
    const auto key = nats_public_key(text);
    REQUIRE_FALSE(key);
    CHECK(key.error().code == errc::malformed);
    if (!text.empty()) {
      CHECK(key.error().message.find(text) == std::string::npos);
    }
  }
}

} // namespace dynamo
