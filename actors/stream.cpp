#include "actors/stream.hpp"

namespace dynamo::actors {

std::string_view to_string(stream_state state) {
  switch (state) {
  case stream_state::waiting:
    return "waiting";
  case stream_state::in_sync:
    return "in_sync";
  case stream_state::partial:
    return "partial";
  case stream_state::stale:
    return "stale";
  }
  return "unknown";
}

} // namespace dynamo::actors
