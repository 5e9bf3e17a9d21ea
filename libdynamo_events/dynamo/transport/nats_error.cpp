#include "dynamo/transport/nats_error.hpp"

#include <array>
#include <cstddef>

namespace dynamo {

namespace {

errc code_of(natsStatus failed) {
  switch (failed) {
  case NATS_INVALID_ARG:
  case NATS_INVALID_SUBJECT:
  case NATS_SSL_ERROR:
    return errc::invalid;
  case NATS_MAX_PAYLOAD:
    return errc::too_large;
  case NATS_NO_MEMORY:
  case NATS_SYS_ERROR:
    return errc::io;
  default:
    return errc::unavailable;
  }
}

/// What the buffer of a connection holds (natsConnection, errStr).
constexpr std::size_t error_bytes_max = 255;

/// cnats has no call that copies the text under its lock, so this race is
/// taken into account instead of being reported.
__attribute__((no_sanitize("thread"), noinline)) void
copy_text(const volatile char* from,
          std::array<char, error_bytes_max + 1>& to) {
  for (std::size_t at = 0; at < error_bytes_max && from[at] != '\0'; ++at) {
    to[at] = from[at];
  }
}

} // namespace

nats_last_error last_error_of(natsConnection& connection) {
  nats_last_error last;
  const char* text = nullptr;
  last.status = natsConnection_GetLastError(&connection, &text);
  if (text != nullptr) {
    std::array<char, error_bytes_max + 1> copy{};
    copy_text(text, copy);
    last.text = copy.data();
  }
  return last;
}

std::string nats_reason(natsStatus failed) {
  natsStatus last = NATS_OK;
  const char* text = nats_GetLastError(&last);
  if (last != failed || text == nullptr || *text == '\0') {
    text = natsStatus_GetText(failed);
  }
  if (failed == NATS_NO_SERVER) {
    return "nobody accepts connections there";
  }
  std::string reason = text;
  while (!reason.empty() && reason.back() == '\n') {
    reason.pop_back();
  }
  // cnats puts its own file and line first.
  const auto place = reason.find("): ");
  if (reason.starts_with('(') && place != std::string::npos) {
    reason.erase(0, place + 3);
  }
  return reason;
}

error nats_failure(natsStatus failed, std::string_view what) {
  return {code_of(failed), std::string{what} + ": " + nats_reason(failed)};
}

} // namespace dynamo
