#include "dynamo/base/error.hpp"

namespace dynamo {

std::string_view to_string(errc code) {
  switch (code) {
  case errc::truncated:
    return "truncated";
  case errc::malformed:
    return "malformed";
  case errc::too_large:
    return "too_large";
  case errc::unsupported:
    return "unsupported";
  case errc::invalid:
    return "invalid";
  case errc::not_found:
    return "not_found";
  case errc::exists:
    return "exists";
  case errc::unavailable:
    return "unavailable";
  case errc::io:
    return "io";
  case errc::closed:
    return "closed";
  }
  return "unknown";
}

std::string to_string(const error& reason) {
  std::string text{to_string(reason.code)};
  text += ": ";
  text += reason.message;
  return text;
}

} // namespace dynamo
