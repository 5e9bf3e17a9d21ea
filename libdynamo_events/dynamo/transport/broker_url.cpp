#include "dynamo/transport/broker_url.hpp"

#include <algorithm>

namespace dynamo {

namespace {

constexpr std::string_view blanks = " \t\r\n";
constexpr std::string_view form =
    "expected \"xsub=<endpoint>;...,xpub=<endpoint>;...\"";

std::string_view without_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// What stands between separators, without blanks around it.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(without_blanks(text.substr(0, end)));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

error malformed(std::string_view what) {
  return {errc::invalid, std::string{form} + ", got " + std::string{what}};
}

} // namespace

result<broker_endpoints> parse_broker_url(std::string_view url) {
  const auto parts = split(url, ',');
  if (parts.size() != 2) {
    return malformed("\"" + std::string{url} + "\"");
  }
  broker_endpoints found;
  for (const std::string_view part : parts) {
    const std::string_view kind = part.substr(0, 5);
    if (kind != "xsub=" && kind != "xpub=") {
      return malformed("\"" + std::string{part} + "\"");
    }
    auto& list = kind == "xsub=" ? found.xsub : found.xpub;
    list.clear();
    for (const std::string_view endpoint : split(part.substr(5), ';')) {
      if (!endpoint.empty()) {
        list.emplace_back(endpoint);
      }
    }
  }
  if (found.xsub.empty() || found.xpub.empty()) {
    return malformed(found.xsub.empty() ? "no endpoint of an XSUB"
                                        : "no endpoint of an XPUB");
  }
  return found;
}

} // namespace dynamo
