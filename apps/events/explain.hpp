#pragma once

#include "apps/events/msgpack_walk.hpp"
#include "dynamo/base/bytes.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo::apps {

/// What the bytes to be explained are.
enum class wire_form { detect, frame, envelope, payload, parts };

/// "detect", "frame", "envelope", "payload", "parts".
std::string_view to_string(wire_form form);

struct explain_request {
  /// One, or the parts of a ZMQ message.
  std::vector<byte_buffer> parts;
  wire_form form = wire_form::detect;
  /// Of a bare payload, and of an envelope that does not say.
  std::string topic;
};

/// A run of bytes with offsets of its own: the whole input, or one part.
struct explained_section {
  std::string title;
  range_list ranges;
};

struct explanation {
  wire_form form = wire_form::detect;
  std::vector<explained_section> sections;
  /// What it says, when it can be read.
  std::vector<std::string> summary;
  /// What is odd, but no reader minds.
  std::vector<std::string> notes;
  /// Why readers refuse it. Empty: it decodes.
  std::vector<std::string> problems;
};

/// Explains bytes of any kind and in any state. Pure.
explanation explain(const explain_request& request);

/// For people: "offset..end  field  value", one range a line.
std::vector<std::string> lines_of(const explanation& explained);

/// The same as a structure.
nlohmann::json json_of(const explanation& explained);

} // namespace dynamo::apps
