#include "dynamo/transport/nats_error.hpp"

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

} // namespace

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
