#include "dynamo/transport/shared_link.hpp"

namespace dynamo {

std::string_view to_string(link_state state) {
  switch (state) {
  case link_state::connecting:
    return "connecting";
  case link_state::connected:
    return "connected";
  case link_state::reconnecting:
    return "reconnecting";
  case link_state::authentication_failed:
    return "authentication_failed";
  case link_state::draining:
    return "draining";
  case link_state::closed:
    return "closed";
  }
  return "unknown";
}

} // namespace dynamo
