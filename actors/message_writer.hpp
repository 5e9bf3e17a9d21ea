#pragma once

#include "dynamo/base/inbox.hpp"
#include "dynamo/events/envelope.hpp"
#include "dynamo/events/event.hpp"
#include "dynamo/wire/event_codec.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace dynamo::actors {

/// Steps 2 and 3 of the publish path: turns the events of one publisher into
/// numbered, encoded messages. Pure.
class message_writer {
 public:
  /// What a message needs besides its event.
  struct occasion {
    /// Since the Unix epoch.
    std::chrono::milliseconds now{0};
    /// The largest envelope that the transport takes; nothing: no limit.
    std::optional<std::size_t> envelope_bytes_max;
  };

  message_writer(std::shared_ptr<const stream_name> name,
                 std::uint64_t publisher_id, payload_generation generation);

  /// Takes each message as soon as it is written; it may move it away, and what
  /// it leaves is used again.
  using message_sink = std::function<void(wire_message&)>;
  /// Hears of messages that cannot be sent.
  using refusal_sink = std::function<void(std::uint64_t, const error&)>;

  /// Writes the messages of some events, in their order. Events that were
  /// dropped on the way take numbers too, and so do messages that cannot be
  /// sent: every subscriber sees a gap of exactly their count, in their place.
  void write(std::span<inbox_item<event>> items, const occasion& when,
             const message_sink& on_written, const refusal_sink& on_refused);

  /// The number of the next message.
  std::uint64_t sequence() const { return sequence_; }

 private:
  void append(event value);
  void append_payload();
  void flush_kv_events();
  bool fits() const;

  std::shared_ptr<const stream_name> name_;
  std::uint64_t publisher_id_;
  payload_generation generation_;
  std::uint64_t sequence_ = 0;
  // While messages are written.
  occasion when_;
  const message_sink* on_written_ = nullptr;
  const refusal_sink* on_refused_ = nullptr;
  wire_message message_;
  /// kv-events that go into one message.
  kv_events pending_;
  byte_buffer payload_;
};

} // namespace dynamo::actors
