#include "apps/events/explain.hpp"

#include "apps/events/event_text.hpp"
#include "dynamo/base/ids.hpp"
#include "dynamo/wire/engine_codec.hpp"
#include "dynamo/wire/envelope_codec.hpp"
#include "dynamo/wire/event_codec.hpp"
#include "dynamo/wire/frame.hpp"
#include "dynamo/wire/msgpack_reader.hpp"
#include "dynamo/wire/zmq_message.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace dynamo::apps {

namespace {

constexpr std::size_t summary_lines_max = 16;
constexpr std::size_t engine_message_parts = 3;

bool is_container(byte_view bytes) {
  if (bytes.empty()) {
    return false;
  }
  const msgpack_type type = msgpack_type_of(bytes[0]);
  return type == msgpack_type::map || type == msgpack_type::array;
}

/// A version byte and a length in front of what may be an envelope.
bool looks_like_frame(byte_view bytes) {
  if (bytes.empty() || bytes[0] >= 0x80) {
    return false;
  }
  return bytes[0] == frame_version ||
         (bytes.size() > frame_header_size_bytes &&
          is_container(bytes.subspan(frame_header_size_bytes)));
}

/// A map that begins with a key of the envelope, or five values whose last is
/// a binary.
bool looks_like_envelope(byte_view bytes) {
  msgpack_reader in{bytes};
  if (in.peek() == msgpack_type::map) {
    in.read_map_header();
    const std::string_view key = in.read_key();
    return in.ok() && (key == "publisher_id" || key == "sequence" ||
                       key == "published_at" || key == "payload");
  }
  if (in.peek() != msgpack_type::array || in.read_array_header() != 5) {
    return false;
  }
  for (int i = 0; i < 4; ++i) {
    in.skip();
  }
  return in.ok() && in.peek() == msgpack_type::binary;
}

wire_form form_of(const explain_request& request) {
  if (request.form != wire_form::detect) {
    return request.form;
  }
  if (request.parts.size() > 1) {
    return wire_form::parts;
  }
  const byte_view bytes =
      request.parts.empty() ? byte_view{} : byte_view{request.parts[0]};
  if (looks_like_frame(bytes)) {
    return wire_form::frame;
  }
  return looks_like_envelope(bytes) ? wire_form::envelope : wire_form::payload;
}

std::string publisher_text(std::uint64_t id) {
  return std::to_string(id) + " (" + id_to_hex(id) + ")";
}

class explainer {
 public:
  explainer(const explain_request& request, explanation& out)
      : request_(request)
      , out_(out) {}

  void explain() {
    if (out_.form == wire_form::parts) {
      parts();
      return;
    }
    const byte_view bytes =
        request_.parts.empty() ? byte_view{} : byte_view{request_.parts[0]};
    range_list& ranges = open(std::string{to_string(out_.form)}, bytes);
    if (out_.form == wire_form::frame) {
      frame(bytes, ranges);
    } else if (out_.form == wire_form::envelope) {
      envelope_at(bytes, 0, ranges);
    } else {
      payload_at(bytes, ranges);
    }
  }

 private:
  range_list& open(const std::string& title, byte_view bytes) {
    out_.sections.push_back({title + ", " + counted(bytes.size(), "byte"), {}});
    return out_.sections.back().ranges;
  }

  void problem(std::string text) { out_.problems.push_back(std::move(text)); }

  void trailing(byte_view bytes, std::size_t end, range_list& ranges) {
    if (end < bytes.size()) {
      const std::string rest = counted(bytes.size() - end, "byte");
      ranges.add({end, bytes.size(), 0, "trailing", rest + ", ignored"});
      out_.notes.push_back(rest + " behind the " +
                           std::string{to_string(out_.form)} +
                           " that readers ignore");
    }
  }

  // -- ZMQ parts --------------------------------------------------------------

  void parts() {
    const auto& parts = request_.parts;
    if (parts.size() == engine_message_parts) {
      engine_message();
      return;
    }
    if (parts.size() != zmq_message_parts) {
      problem("expected 4 parts (3 of an engine), got " +
              std::to_string(parts.size()));
    }
    if (!parts.empty()) {
      text_part(0);
    }
    const auto publisher = number_part(1, "publisher_id");
    const auto sequence = number_part(2, "sequence");
    if (parts.size() < zmq_message_parts) {
      return;
    }
    range_list& ranges = open("part 3: frame", parts[3]);
    frame(parts[3], ranges);
    if (!found_) {
      return;
    }
    if (publisher && *publisher != found_->publisher_id) {
      problem("part 1 says publisher " + publisher_text(*publisher) +
              ", the envelope " + publisher_text(found_->publisher_id));
    }
    if (sequence && *sequence != found_->sequence) {
      problem("part 2 says sequence " + std::to_string(*sequence) +
              ", the envelope " + std::to_string(found_->sequence));
    }
    check_topic(text_of(byte_view{parts[0]}));
  }

  /// Direct: the topic; broker: the subject, which ends with it.
  void check_topic(std::string_view part) {
    const std::string_view topic = found_->topic;
    if (part != topic && !part.ends_with("." + std::string{topic})) {
      problem("part 0 says topic " + printable(part) + ", the envelope " +
              printable(topic));
    }
  }

  void text_part(std::size_t index) {
    const byte_view part{request_.parts[index]};
    range_list& ranges = open("part 0: topic", part);
    ranges.add({0, part.size(), 0, "topic", printable(text_of(part))});
  }

  std::optional<std::uint64_t> number_part(std::size_t index,
                                           const std::string& field) {
    if (index >= request_.parts.size()) {
      return std::nullopt;
    }
    const std::string name = "part " + std::to_string(index);
    const byte_view part{request_.parts[index]};
    range_list& ranges = open(name + ": " + field, part);
    if (part.size() != zmq_id_size_bytes) {
      ranges.add({0, part.size(), 0, field, to_hex(part)});
      problem(name + ": expected 8 bytes of " + field + ", got " +
              std::to_string(part.size()));
      return std::nullopt;
    }
    const std::uint64_t value = load_u64_be(part.data());
    ranges.add(
        {0, part.size(), 0, field,
         field == "sequence" ? std::to_string(value) : publisher_text(value)});
    return value;
  }

  void engine_message() {
    text_part(0);
    number_part(1, "sequence");
    const byte_view batch{request_.parts[2]};
    range_list& ranges = open("part 2: batch of an engine", batch);
    const walk_end end = walk_msgpack({batch, 0, 0, "batch"}, ranges);
    if (end.problem) {
      problem(*end.problem);
    }
    trailing(batch, end.offset, ranges);
    const auto read = decode_engine_batch(batch);
    if (!read) {
      problem("not read: " + dynamo::to_string(read.error()));
      return;
    }
    out_.summary.push_back("a batch of " +
                           counted(read->events.size(), "engine event") + ", " +
                           std::to_string(read->skipped) + " unreadable");
    for (const error& reason : read->skip_reasons) {
      problem("event skipped: " + dynamo::to_string(reason));
    }
  }

  // -- Frame, envelope, payload -----------------------------------------------

  void frame(byte_view bytes, range_list& ranges) {
    const auto read = decode_frame(bytes);
    if (!read) {
      problem(dynamo::to_string(read.error()));
    }
    if (!bytes.empty()) {
      ranges.add({0, 1, 0, "version", std::to_string(bytes[0])});
    }
    if (bytes.size() < frame_header_size_bytes) {
      if (bytes.size() > 1) {
        ranges.add({1, bytes.size(), 0, "length",
                    to_hex(bytes.subspan(1)) + ", cut off"});
      }
      return;
    }
    const std::size_t length = load_u32_be(bytes.data() + 1);
    const std::size_t there = bytes.size() - frame_header_size_bytes;
    ranges.add(
        {1, frame_header_size_bytes, 0, "length",
         counted(length, "byte") +
             (length > there ? ", " + std::to_string(there) + " left" : "")});
    const std::size_t end = frame_header_size_bytes + std::min(length, there);
    envelope_at(bytes.first(end), frame_header_size_bytes, ranges);
    trailing(bytes, end, ranges);
  }

  /// The envelope from `start` to the end of `bytes`.
  void envelope_at(byte_view bytes, std::size_t start, range_list& ranges) {
    std::string topic = request_.topic;
    walk_request wanted{bytes, start, 0, "envelope"};
    wanted.names = {"publisher_id", "sequence", "published_at", "topic",
                    "payload"};
    wanted.on_member = [&](const walked_member& member) {
      const byte_view content =
          bytes.subspan(member.start, member.end - member.start);
      if (member.field == "topic") {
        topic = text_of(content);
      } else if (member.field == "payload") {
        nested_payload(bytes.first(member.end), member.start, topic, ranges);
      }
    };
    const walk_end end = walk_msgpack(wanted, ranges);
    if (end.problem) {
      problem(*end.problem);
    } else if (out_.form == wire_form::envelope) {
      trailing(bytes, end.offset, ranges);
    } else if (end.offset < bytes.size()) {
      const std::string rest = counted(bytes.size() - end.offset, "byte");
      ranges.add({end.offset, bytes.size(), 0, "padding", rest + ", ignored"});
      out_.notes.push_back(rest + " behind the envelope inside the frame");
    }
    const auto read = decode_envelope(bytes.subspan(start));
    if (!read) {
      problem("not read: " + dynamo::to_string(read.error()));
      return;
    }
    found_ = *read;
    out_.summary.push_back("publisher " + publisher_text(read->publisher_id) +
                           ", sequence " + std::to_string(read->sequence));
    out_.summary.push_back("published at " +
                           date_and_time(read->published_at_ms) + ", topic " +
                           printable(read->topic));
    summarise(read->topic, read->payload);
  }

  /// Explains a payload when it is msgpack, or should be.
  void nested_payload(byte_view bytes, std::size_t start,
                      const std::string& topic, range_list& ranges) {
    const byte_view payload = bytes.subspan(start);
    const bool typed = event_kind_of(topic) != event_kind::raw;
    if (!typed && !is_container(payload)) {
      return;
    }
    range_list inside;
    const walk_end end =
        walk_msgpack({bytes, start, 2, "payload"}, typed ? ranges : inside);
    if (!typed) {
      // Whatever it is, it only looked like msgpack.
      if (end.problem || end.offset < bytes.size()) {
        return;
      }
      for (const explained_range& each : inside.ranges()) {
        ranges.add(each);
      }
    }
    if (end.problem) {
      problem("payload: " + *end.problem);
    }
  }

  void payload_at(byte_view bytes, range_list& ranges) {
    const walk_end end = walk_msgpack({bytes, 0, 0, "payload"}, ranges);
    if (end.problem) {
      problem(*end.problem);
    } else {
      trailing(bytes, end.offset, ranges);
    }
    const bool guessed =
        request_.form == wire_form::detect && request_.topic.empty();
    if (guessed && !is_container(bytes)) {
      problem("neither a frame nor an envelope, nor a map or an array");
    }
    if (!request_.topic.empty()) {
      summarise(request_.topic, bytes);
    } else if (!end.problem) {
      out_.notes.push_back("--topic says what the payload should be");
    }
  }

  void summarise(std::string_view topic, byte_view payload) {
    const auto read = decode_event(event_kind_of(topic), payload);
    if (!read) {
      problem("not read: " + dynamo::to_string(read.error()));
      return;
    }
    const std::vector<std::string> lines = lines_of(*read);
    for (std::size_t i = 0; i < lines.size() && i < summary_lines_max; ++i) {
      out_.summary.push_back(lines[i]);
    }
    if (lines.size() > summary_lines_max) {
      out_.summary.push_back(
          "and " + std::to_string(lines.size() - summary_lines_max) + " more");
    }
  }

  const explain_request& request_;
  explanation& out_;
  std::optional<envelope> found_;
};

} // namespace

std::string_view to_string(wire_form form) {
  switch (form) {
  case wire_form::detect:
    return "detect";
  case wire_form::frame:
    return "frame";
  case wire_form::envelope:
    return "envelope";
  case wire_form::payload:
    return "payload";
  case wire_form::parts:
    return "parts";
  }
  return "unknown";
}

explanation explain(const explain_request& request) {
  explanation out;
  out.form = form_of(request);
  explainer{request, out}.explain();
  return out;
}

} // namespace dynamo::apps
