#pragma once

#include "dynamo/base/bytes.hpp"
#include "dynamo/events/envelope.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <string>

#include "support/catch.hpp"

namespace dynamo {

/// A file of tests/data/vectors.
inline nlohmann::json golden(const std::string& name) {
  std::ifstream file{std::string{DYNAMO_TEST_DATA} + "/vectors/" + name};
  INFO("golden data: " << name);
  REQUIRE(file.good());
  return nlohmann::json::parse(file);
}

/// Bytes of a hex text that is known to be good.
inline byte_buffer bytes_from_hex(std::string_view text) {
  result<byte_buffer> bytes = from_hex(text);
  REQUIRE(bytes);
  return *std::move(bytes);
}

/// Bytes of a hex text in a golden file.
inline byte_buffer golden_bytes(const nlohmann::json& text) {
  return bytes_from_hex(text.get_ref<const std::string&>());
}

/// Its own bytes, so that reading past the end shows under a sanitizer.
inline byte_buffer first_bytes(byte_view bytes, std::size_t count) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count)};
}

} // namespace dynamo
