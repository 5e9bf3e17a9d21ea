#include "dynamo/router/event_cursor.hpp"

namespace dynamo {

event_observation event_cursor::observe(std::uint64_t event_id) {
  if (!last_) {
    last_ = event_id;
    return {event_step::first, event_id > 1 ? event_id - 1 : 0};
  }
  if (event_id <= *last_)
    return {event_step::stale, 0};
  const std::uint64_t missed = event_id - *last_ - 1;
  last_ = event_id;
  return {missed == 0 ? event_step::contiguous : event_step::gap, missed};
}

} // namespace dynamo
