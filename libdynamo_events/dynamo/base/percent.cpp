#include "dynamo/base/percent.hpp"

#include "dynamo/base/bytes.hpp"

namespace dynamo {

namespace {

bool stays(unsigned char c, percent_keep keep) {
  const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                            (c >= 'a' && c <= 'z');
  return alphanumeric ||
         (keep == percent_keep::segment && (c == '-' || c == '_'));
}

} // namespace

std::string percent_encode(std::string_view text, percent_keep keep) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (stays(byte, keep)) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 0x0f];
    }
  }
  return out;
}

result<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto byte = from_hex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1) {
      return error{errc::malformed,
                   "percent encoding: expected two hex digits at offset " +
                       std::to_string(i + 1)};
    }
    out += static_cast<char>(byte->front());
    i += 2;
  }
  if (!is_utf8(out)) {
    return error{errc::malformed, "percent encoding: expected UTF-8 text"};
  }
  return out;
}

} // namespace dynamo
