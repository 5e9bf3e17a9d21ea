#pragma once

#include "dynamo/base/bytes.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace dynamo {

/// What travels around every event. Topic and payload are borrowed: from the
/// received bytes when decoded, from the caller when encoded.
struct envelope {
  std::uint64_t publisher_id = 0;
  /// Per publisher, from 0, +1 per message.
  std::uint64_t sequence = 0;
  /// Milliseconds since the Unix epoch.
  std::uint64_t published_at_ms = 0;
  std::string_view topic;
  byte_view payload;
};

/// What a stream is called, on every transport.
struct stream_name {
  /// Bare: "kv-events".
  std::string topic;
  /// Scope and topic: "namespace.dynamo.component.backend.kv-events".
  std::string subject;
};

/// One message on its way down to a transport or up from it. The envelope is
/// encoded once and is what NATS carries as its body and ZMQ inside a frame.
struct wire_message {
  /// Shared by all messages of a stream.
  std::shared_ptr<const stream_name> name;
  std::uint64_t publisher_id = 0;
  std::uint64_t sequence = 0;
  byte_buffer envelope;
};

} // namespace dynamo
