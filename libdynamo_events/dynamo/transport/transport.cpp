#include "dynamo/transport/transport.hpp"

namespace dynamo {

std::string_view to_string(connection_state state) {
  switch (state) {
  case connection_state::connecting:
    return "connecting";
  case connection_state::connected:
    return "connected";
  case connection_state::lost:
    return "lost";
  case connection_state::failed:
    return "failed";
  }
  return "unknown";
}

} // namespace dynamo
