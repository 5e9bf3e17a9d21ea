#include "dynamo/transport/nats_seed.hpp"

#include "dynamo/base/bytes.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>

// cnats signs with a seed, but wants to be told the public key beside it, and
// exports nothing to derive it.
//
// Bytes of a seed, in base32 without padding (58 characters):
//   0       18 << 3, and above it nothing of the kind of key (3 bits)
//   1       the rest of the kind: 20 << 3 is a user
//   2..33   Ed25519 seed
//   34..35  CRC-16 of what is before, little endian
// Bytes of a public key (56 characters):
//   0       20 << 3 for a user
//   1..32   Ed25519 public key
//   33..34  CRC-16 of what is before, little endian

namespace dynamo {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::uint32_t seed_kind = 18 << 3;
constexpr std::uint32_t user_kind = 20 << 3;
constexpr std::size_t seed_text_size = 58;
constexpr std::size_t seed_size = 36;

std::uint16_t crc_of(byte_view bytes) {
  std::uint32_t crc = 0;
  for (const std::uint8_t byte : bytes) {
    crc ^= static_cast<std::uint32_t>(byte) << 8;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
    }
    crc &= 0xffff;
  }
  return static_cast<std::uint16_t>(crc);
}

/// Empty when a character is none of the alphabet.
byte_buffer from_base32(std::string_view text) {
  byte_buffer bytes;
  std::uint32_t held = 0;
  int bits = 0;
  for (const char c : text) {
    const std::size_t value = alphabet.find(c);
    if (value == std::string_view::npos) {
      return {};
    }
    held = (held << 5) | static_cast<std::uint32_t>(value);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<std::uint8_t>(held >> bits));
      held &= (1U << bits) - 1;
    }
  }
  return bytes;
}

std::string to_base32(byte_view bytes) {
  std::string text;
  std::uint32_t held = 0;
  int bits = 0;
  for (const std::uint8_t byte : bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text.push_back(alphabet[(held >> bits) & 31]);
    }
    held &= (1U << bits) - 1;
  }
  if (bits > 0) {
    text.push_back(alphabet[(held << (5 - bits)) & 31]);
  }
  return text;
}

bool is_user_seed(byte_view bytes) {
  if (bytes.size() != seed_size) {
    return false;
  }
  const std::uint32_t kind =
      ((bytes[0] & 7U) << 5) | (static_cast<std::uint32_t>(bytes[1]) >> 3);
  const std::uint16_t crc = crc_of(bytes.first(seed_size - 2));
  return (bytes[0] & 0xf8U) == seed_kind && kind == user_kind &&
         bytes[34] == (crc & 0xff) && bytes[35] == crc >> 8;
}

} // namespace

result<std::string> nats_public_key(std::string_view seed) {
  byte_buffer bytes;
  if (seed.size() == seed_text_size) {
    bytes = from_base32(seed);
  }
  if (!is_user_seed(bytes)) {
    return error{errc::malformed, "expected the seed of a user: 58 characters "
                                  "that begin with SU"};
  }
  if (sodium_init() < 0) {
    return error{errc::io, "libsodium cannot be used"};
  }
  std::array<std::uint8_t, crypto_sign_PUBLICKEYBYTES> key{};
  std::array<std::uint8_t, crypto_sign_SECRETKEYBYTES> secret{};
  crypto_sign_seed_keypair(key.data(), secret.data(), bytes.data() + 2);
  sodium_memzero(secret.data(), secret.size());
  sodium_memzero(bytes.data(), bytes.size());

  std::array<std::uint8_t, 1 + crypto_sign_PUBLICKEYBYTES + 2> named{
      static_cast<std::uint8_t>(user_kind)};
  std::copy(key.begin(), key.end(), named.begin() + 1);
  const std::uint16_t crc = crc_of(byte_view{named}.first(1 + key.size()));
  named[1 + key.size()] = static_cast<std::uint8_t>(crc & 0xff);
  named[2 + key.size()] = static_cast<std::uint8_t>(crc >> 8);
  return to_base32(named);
}

} // namespace dynamo
