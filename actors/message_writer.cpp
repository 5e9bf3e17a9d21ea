// Publish path, steps 2 and 3: events get their topic, time and next sequence
// number, and are encoded once.

#include "actors/message_writer.hpp"

#include "dynamo/wire/envelope_codec.hpp"

#include <iterator>
#include <span>
#include <string>
#include <utility>

namespace dynamo::actors {

namespace {

// What an envelope adds to topic and payload, at most (wire/envelope_codec).
constexpr std::size_t envelope_overhead_max = 96;

} // namespace

message_writer::message_writer(std::shared_ptr<const stream_name> name,
                               std::uint64_t publisher_id,
                               payload_generation generation)
    : name_(std::move(name))
    , publisher_id_(publisher_id)
    , generation_(generation) {}

void message_writer::write(std::span<inbox_item<event>> items,
                           const occasion& when, const message_sink& on_written,
                           const refusal_sink& on_refused) {
  when_ = when;
  on_written_ = &on_written;
  on_refused_ = &on_refused;
  for (auto& item : items) {
    if (item.dropped_before > 0) {
      flush_kv_events();
      sequence_ += item.dropped_before;
    }
    append(std::move(item.value));
  }
  flush_kv_events();
}

void message_writer::append(event value) {
  if (auto* events = std::get_if<kv_events>(&value)) {
    std::move(events->begin(), events->end(), std::back_inserter(pending_));
    return;
  }
  if (auto* events = std::get_if<active_sequence_events>(&value)) {
    for (const auto& message :
         split_active_sequences(std::move(*events), generation_)) {
      payload_.clear();
      encode_active_sequences(message, generation_, payload_);
      append_payload();
    }
    return;
  }
  payload_.clear();
  encode_event(value, generation_, payload_);
  append_payload();
}

// kv-events that wait together travel together, up to Dynamo's limits and the
// server's.
void message_writer::flush_kv_events() {
  std::span<const router_event> rest{pending_};
  while (!rest.empty()) {
    auto count = kv_events_in_message(rest, generation_);
    for (;; count = (count + 1) / 2) {
      payload_.clear();
      encode_kv_events(rest.first(count), generation_, payload_);
      if (count == 1 || fits()) {
        break;
      }
    }
    append_payload();
    rest = rest.subspan(count);
  }
  pending_.clear();
}

bool message_writer::fits() const {
  return !when_.envelope_bytes_max ||
         payload_.size() + name_->topic.size() + envelope_overhead_max <=
             *when_.envelope_bytes_max;
}

void message_writer::append_payload() {
  if (!message_.name) {
    message_.name = name_;
  }
  message_.publisher_id = publisher_id_;
  message_.sequence = sequence_++;
  message_.envelope.clear();
  status encoded = encode_envelope(
      {publisher_id_, message_.sequence,
       static_cast<std::uint64_t>(when_.now.count()), name_->topic, payload_},
      message_.envelope);
  const auto most = when_.envelope_bytes_max;
  if (encoded && most && message_.envelope.size() > *most) {
    encoded = error{errc::too_large,
                    "the server takes messages of at most " +
                        std::to_string(*most) + " bytes (max_payload), got " +
                        std::to_string(message_.envelope.size())};
  }
  if (!encoded) {
    (*on_refused_)(message_.sequence, encoded.error());
    return;
  }
  (*on_written_)(message_);
}

} // namespace dynamo::actors
