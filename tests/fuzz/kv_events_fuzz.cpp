#include "dynamo/wire/event_codec.hpp"

#include <algorithm>

#include "fuzz/target.hpp"

using namespace dynamo;

namespace {

/// Whether our own encoder would be asked to write the event: we read
/// residency domains that nobody writes.
bool is_writable(const router_event& event) {
  return !event.domain || *event.domain == residency_domain::worker ||
         *event.domain == residency_domain::cache_owner;
}

bool is_writable(const event& value) {
  const auto* events = std::get_if<kv_events>(&value);
  return events == nullptr ||
         std::ranges::all_of(*events, [](const router_event& event) {
           return is_writable(event);
         });
}

byte_buffer encoded(const event& value) {
  byte_buffer bytes;
  encode_event(value, payload_generation::v1_4, bytes);
  return bytes;
}

void check_event(event_kind kind, byte_view payload) {
  const result<event> value = decode_event(kind, payload);
  skipped_events skipped;
  const result<event> lenient = decode_event(kind, payload, skipped);
  require(!value || (lenient && skipped.count == 0),
          "what is read strictly is read leniently, and in full");
  require(skipped.first_reason.has_value() == (skipped.count > 0),
          "what was skipped has a reason");
  if (!value || !is_writable(*value)) {
    return;
  }
  // Bytes are compared, since a float may be no number, equal to nothing.
  const byte_buffer bytes = encoded(*value);
  const result<event> back = decode_event(kind, bytes);
  require(static_cast<bool>(back), "what was encoded decodes");
  require(encoded(*back) == bytes, "what was encoded decodes to the same");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                      std::size_t size) {
  const byte_view payload{bytes, size};
  for (const event_kind kind :
       {event_kind::kv_events, event_kind::active_load,
        event_kind::active_sequences, event_kind::session_affinity,
        event_kind::forward_pass, event_kind::sequence_state,
        event_kind::raw}) {
    check_event(kind, payload);
  }
  static_cast<void>(decode_kv_cache_events(payload));
  static_cast<void>(decode_prefill_event(payload));
  static_cast<void>(decode_active_block_event(payload));
  return 0;
}
