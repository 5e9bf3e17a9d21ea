#include "dynamo/discovery/curl_support.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>

namespace dynamo {

void prepare_curl() {
  static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(done);
}

void set_pem(CURL* easy, CURLoption path_option, CURLoption text_option,
             const std::string& value) {
  if (value.empty()) {
    return;
  }
  if (value.find("-----BEGIN ") == std::string::npos) {
    curl_easy_setopt(easy, path_option, value.c_str());
    return;
  }
  curl_blob blob{};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): it is copied.
  blob.data = const_cast<char*>(value.data());
  blob.len = value.size();
  blob.flags = CURL_BLOB_COPY;
  curl_easy_setopt(easy, text_option, &blob);
}

std::optional<std::string_view> header_value(std::string_view line,
                                             std::string_view name) {
  const bool is_it =
      line.size() > name.size() && line[name.size()] == ':' &&
      std::equal(name.begin(), name.end(), line.begin(), [](char a, char b) {
        return a == std::tolower(static_cast<unsigned char>(b));
      });
  if (!is_it) {
    return std::nullopt;
  }
  line.remove_prefix(name.size() + 1);
  const std::size_t first = line.find_first_not_of(" \t");
  const std::size_t last = line.find_last_not_of(" \t\r\n");
  return first == std::string_view::npos || last < first
             ? std::string_view{}
             : line.substr(first, last - first + 1);
}

long curl_seconds(std::chrono::milliseconds time) {
  return static_cast<long>(std::max<std::int64_t>(
      1, std::chrono::ceil<std::chrono::seconds>(time).count()));
}

} // namespace dynamo
