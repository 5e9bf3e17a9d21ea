#include "dynamo/base/bytes.hpp"
#include "dynamo/wire/envelope_codec.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "support/catch.hpp"

using namespace dynamo;

namespace {

const std::filesystem::path corpus{DYNAMO_FUZZ_CORPUS};

byte_buffer read_file(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file},
          std::istreambuf_iterator<char>{}};
}

} // namespace

TEST_CASE("every fuzz target has seeds") {
  for (const std::string target :
       {"envelope", "frame_and_message", "kv_events", "engine_batch",
        "etcd_messages", "record_json", "http_body", "index_events", "zmtp"}) {
    INFO(target);
    CHECK_FALSE(std::filesystem::is_empty(corpus / target));
  }
}

TEST_CASE("envelope seeds are what the encoder writes") {
  for (const auto& seed :
       std::filesystem::directory_iterator{corpus / "envelope"}) {
    INFO(seed.path());
    const byte_buffer bytes = read_file(seed.path());
    const result<envelope> value = decode_envelope(bytes);
    REQUIRE(value);
    byte_buffer again;
    REQUIRE(encode_envelope(*value, again));
    CHECK(to_hex(again) == to_hex(bytes));
  }
}
