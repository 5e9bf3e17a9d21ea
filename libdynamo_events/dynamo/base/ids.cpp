#include "dynamo/base/ids.hpp"

#include <charconv>
#include <random>

namespace dynamo {

std::uint64_t random_u64() {
  std::random_device source;
  return std::uint64_t{source()} << 32 | source();
}

std::uint64_t random_publisher_id() {
  std::uint64_t id = 0;
  while (id == 0) {
    id = random_u64() & json_safe_id_max;
  }
  return id;
}

std::string id_to_hex(std::uint64_t id) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof(digits), id, 16);
  return {digits, end.ptr};
}

result<std::uint64_t> id_from_hex(std::string_view text) {
  std::uint64_t id = 0;
  const char* last = text.data() + text.size();
  const auto end = std::from_chars(text.data(), last, id, 16);
  if (end.ec != std::errc{} || end.ptr != last || id_to_hex(id) != text) {
    return error{errc::malformed,
                 "id: expected 1 to 16 lower-case hex digits, got \"" +
                     std::string{text} + '"'};
  }
  return id;
}

} // namespace dynamo
