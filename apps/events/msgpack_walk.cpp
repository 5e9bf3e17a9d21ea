#include "apps/events/msgpack_walk.hpp"

#include "apps/events/event_text.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <utility>

namespace dynamo::apps {

namespace {

// What msgpack_reader follows, too.
constexpr std::size_t nesting_max = 64;

constexpr std::size_t shown_bytes_max = 12;

std::string integer_text(const msgpack_head& head, std::uint8_t lead) {
  const std::string number =
      head.negative ? std::to_string(static_cast<std::int64_t>(head.value))
                    : std::to_string(head.value);
  if (head.width == 0) {
    return number;
  }
  return number + (lead >= 0xd0 ? " (i" : " (u") +
         std::to_string(8 * head.width) + ")";
}

std::string real_text(const msgpack_head& head) {
  const double value = head.width == 4
                           ? static_cast<double>(std::bit_cast<float>(
                                 static_cast<std::uint32_t>(head.value)))
                           : std::bit_cast<double>(head.value);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.12g (f%d)", value, 8 * head.width);
  return text.data();
}

std::string content_text(const msgpack_head& head, byte_view content) {
  std::string text;
  if (head.type == msgpack_type::string) {
    text = "\"" + printable(text_of(content), 48) + "\"";
  } else {
    const byte_view first =
        content.first(std::min(content.size(), shown_bytes_max));
    text = std::string{to_string(head.type)} + " of " +
           counted(head.value, "byte") + (content.empty() ? "" : ": ") +
           to_hex(first) + (content.size() > shown_bytes_max ? ".." : "");
  }
  if (content.size() < head.value) {
    text += ", cut off after " + std::to_string(content.size()) + " of " +
            std::to_string(head.value);
  }
  return text;
}

class walker {
 public:
  walker(const walk_request& request, range_list& out)
      : request_(request)
      , out_(out)
      , at_(request.start) {}

  walk_end walk() {
    value({request_.field, at_, request_.depth});
    return {at_, problem_};
  }

 private:
  struct place {
    std::string field;
    /// Of the range: before the value when its key belongs to it.
    std::size_t start;
    std::size_t depth;
  };

  std::size_t left() const { return request_.bytes.size() - at_; }

  bool stop(std::size_t offset, const std::string& reason) {
    problem_ = "offset " + std::to_string(offset) + ": " + reason;
    return false;
  }

  bool stop_short(std::size_t offset, std::uint64_t wanted,
                  const std::string& field) {
    return stop(offset, "expected " + std::to_string(wanted) + " more byte" +
                            (wanted == 1 ? "" : "s") + " for " + field + ", " +
                            std::to_string(left()) + " left");
  }

  void add(const place& where, std::string text) {
    out_.add({where.start, at_, where.depth, where.field, std::move(text)});
  }

  /// Reads the head of the next value; false when there is none.
  bool head(const place& where, msgpack_head& out) {
    const std::size_t start = at_;
    if (left() == 0) {
      return stop_short(start, 1, where.field);
    }
    const std::uint8_t lead = request_.bytes[start];
    const std::size_t width = msgpack_number_width(lead);
    ++at_;
    if (left() < width) {
      const std::size_t missing_at = at_;
      stop_short(missing_at, width, where.field);
      at_ = request_.bytes.size();
      add(where, std::string{to_string(msgpack_type_of(lead))} + " (0x" +
                     to_hex({&lead, 1}) + "), its number is cut off");
      return false;
    }
    at_ += width;
    out = msgpack_head_at(request_.bytes.data() + start);
    if (out.type == msgpack_type::reserved) {
      add(where, "0xc1, which is no value");
      return stop(start, "expected a value, got the byte 0xc1");
    }
    return true;
  }

  bool value(const place& where) {
    const std::size_t start = at_;
    msgpack_head read;
    if (!head(where, read)) {
      return false;
    }
    const std::uint8_t lead = request_.bytes[start];
    switch (read.type) {
    case msgpack_type::nil:
      add(where, "nil");
      return true;
    case msgpack_type::boolean:
      add(where, lead == 0xc3 ? "true" : "false");
      return true;
    case msgpack_type::integer:
      add(where, integer_text(read, lead));
      return true;
    case msgpack_type::real:
      add(where, real_text(read));
      return true;
    case msgpack_type::array:
    case msgpack_type::map:
      return container(where, read);
    default:
      return content(where, read);
    }
  }

  bool content(const place& where, const msgpack_head& read) {
    const std::size_t start = at_;
    const std::size_t size = std::min<std::uint64_t>(read.value, left());
    if (size < read.value) {
      stop_short(start, read.value, where.field);
    }
    at_ += size;
    add(where, content_text(read, request_.bytes.subspan(start, size)));
    if (where.depth == request_.depth + 1 && request_.on_member) {
      request_.on_member({where.field, read.type, start, at_});
    }
    return size == read.value;
  }

  bool container(const place& where, const msgpack_head& read) {
    const bool is_map = read.type == msgpack_type::map;
    add(where, std::string{is_map ? "map of " : "array of "} +
                   std::to_string(read.value));
    if (where.depth - request_.depth >= nesting_max) {
      return stop(where.start, "more than 64 levels of nesting");
    }
    for (std::uint64_t i = 0; i < read.value; ++i) {
      if (left() == 0) {
        return stop(at_, "expected " + std::to_string(read.value - i) +
                             " more " + (is_map ? "entries" : "elements") +
                             " of " + where.field + ", got the end");
      }
      if (!(is_map ? entry(where, i) : element(where, i))) {
        return false;
      }
    }
    return true;
  }

  bool element(const place& array, std::uint64_t index) {
    const bool named =
        array.depth == request_.depth && index < request_.names.size();
    return value(
        {named ? request_.names[index] : "[" + std::to_string(index) + "]", at_,
         array.depth + 1});
  }

  bool entry(const place& map, std::uint64_t index) {
    const std::size_t start = at_;
    const std::optional<std::string> name = whole_text_key();
    if (!name) {
      const std::string number = std::to_string(index);
      return value({"key " + number, start, map.depth + 1}) &&
             value({"value " + number, at_, map.depth + 1});
    }
    if (left() == 0) {
      add({"key " + std::to_string(index), start, map.depth + 1},
          "\"" + *name + "\"");
    }
    return value({*name, start, map.depth + 1});
  }

  /// The key that comes next, when it is a text and complete; else nothing
  /// happens.
  std::optional<std::string> whole_text_key() {
    const std::uint8_t lead = request_.bytes[at_];
    const std::size_t width = msgpack_number_width(lead);
    if (msgpack_type_of(lead) != msgpack_type::string || left() - 1 < width) {
      return std::nullopt;
    }
    const msgpack_head key = msgpack_head_at(request_.bytes.data() + at_);
    if (key.value > left() - 1 - width) {
      return std::nullopt;
    }
    const byte_view text = request_.bytes.subspan(
        at_ + 1 + width, static_cast<std::size_t>(key.value));
    at_ += 1 + width + text.size();
    return printable(text_of(text), 40);
  }

  const walk_request& request_;
  range_list& out_;
  std::size_t at_;
  std::optional<std::string> problem_;
};

} // namespace

void range_list::add(explained_range range) {
  if (ranges_.size() == ranges_max) {
    ++left_out_;
    return;
  }
  ranges_.push_back(std::move(range));
}

walk_end walk_msgpack(const walk_request& request, range_list& out) {
  return walker{request, out}.walk();
}

} // namespace dynamo::apps
