#include "dynamo/base/percent.hpp"

#include <utility>

#include "support/catch.hpp"

using namespace dynamo;

TEST_CASE("percent_encode keeps letters, digits, - and _ in segments") {
  const std::string kept = "ABCXYZabcxyz0189-_";
  CHECK(percent_encode(kept, percent_keep::segment) == kept);
}

TEST_CASE("percent_encode writes every other byte in upper-case hex") {
  using pair = std::pair<const char*, const char*>;
  for (const auto& [text, encoded] :
       {pair{"kv-events", "kv-events"},
        pair{"kv.events/*", "kv%2Eevents%2F%2A"},
        pair{"generate.>", "generate%2E%3E"}, pair{"ns.one", "ns%2Eone"},
        pair{"worker/*", "worker%2F%2A"}, pair{"a b", "a%20b"},
        pair{"\xe6\x97\xa5", "%E6%97%A5"}, pair{"100%", "100%25"},
        pair{"~", "%7E"}}) {
    CHECK(percent_encode(text, percent_keep::segment) == encoded);
  }
}

TEST_CASE("percent_encode keeps only letters and digits in file names") {
  CHECK(percent_encode("v1/event_channels", percent_keep::alphanumeric) ==
        "v1%2Fevent%5Fchannels");
  CHECK(percent_encode("kv-events", percent_keep::alphanumeric) ==
        "kv%2Devents");
}

TEST_CASE("percent_encode leaves the empty text empty") {
  CHECK(percent_encode("", percent_keep::segment).empty());
  CHECK(percent_encode("", percent_keep::alphanumeric).empty());
}

TEST_CASE("percent_decode undoes either encoding") {
  const std::string text = "ns.one/worker_*-\x01 %41 \xe6\x97\xa5";
  for (const auto keep : {percent_keep::segment, percent_keep::alphanumeric}) {
    const auto read = percent_decode(percent_encode(text, keep));
    REQUIRE(read);
    CHECK(*read == text);
  }
}

TEST_CASE("percent_decode takes hex digits of either case") {
  const auto read = percent_decode("%2e%2E");
  REQUIRE(read);
  CHECK(*read == "..");
}

TEST_CASE("percent_decode rejects a % without two digits") {
  for (const char* text :
       {"%", "%4", "a%", "%g1", "%1g", "% 41", "%4 1", "%%41"}) {
    const auto read = percent_decode(text);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == errc::malformed);
  }
}

TEST_CASE("percent_decode names the offset of the digits it missed") {
  const auto read = percent_decode("abc%zz");
  REQUIRE_FALSE(read);
  CHECK(read.error().message.find("offset 4") != std::string::npos);
}

TEST_CASE("percent_decode rejects bytes that are not UTF-8") {
  for (const char* text : {"%FF", "%C3", "%ED%A0%80", "\xff"}) {
    const auto read = percent_decode(text);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == errc::malformed);
  }
}
