#include "dynamo/transport/zmtp.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace dynamo {

namespace {

constexpr std::size_t greeting_bytes = 64;
constexpr std::size_t mechanism_at = 12;
constexpr std::size_t mechanism_bytes = 20;
constexpr std::string_view mechanism = "NULL";
constexpr std::uint8_t signature_first = 0xff;
constexpr std::uint8_t signature_last = 0x7f;
constexpr std::uint8_t version = 3;

constexpr std::uint8_t more_flag = 1;
constexpr std::uint8_t long_flag = 2;
constexpr std::uint8_t command_flag = 4;

constexpr std::size_t short_max = 255;
constexpr std::size_t ping_ttl_bytes = 2;
constexpr std::size_t ping_context_max = 16;

error malformed(std::string what) {
  return {errc::malformed, "subscriber: " + std::move(what)};
}

void append(byte_buffer& to, std::string_view text) {
  to.insert(to.end(), text.begin(), text.end());
}

void append_frame(byte_buffer& to, byte_view body, std::uint8_t flags) {
  if (body.size() <= short_max) {
    to.push_back(flags);
    to.push_back(static_cast<std::uint8_t>(body.size()));
  } else {
    to.push_back(flags | long_flag);
    to.resize(to.size() + sizeof(std::uint64_t));
    store_u64_be(to.data() + to.size() - sizeof(std::uint64_t), body.size());
  }
  to.insert(to.end(), body.begin(), body.end());
}

struct frame_head {
  std::uint8_t flags = 0;
  std::size_t head_bytes = 0;
  std::uint64_t body_bytes = 0;
};

/// Nothing when more bytes are needed.
std::optional<frame_head> head_of(byte_view bytes) {
  if (bytes.size() < 2) {
    return std::nullopt;
  }
  if ((bytes[0] & long_flag) == 0) {
    return frame_head{bytes[0], 2, bytes[1]};
  }
  constexpr std::size_t size = 1 + sizeof(std::uint64_t);
  if (bytes.size() < size) {
    return std::nullopt;
  }
  return frame_head{bytes[0], size, load_u64_be(bytes.data() + 1)};
}

/// The value of a property of a READY command. Nothing when it is not there or
/// the properties are no such list.
std::optional<std::string_view> property(std::string_view list,
                                         std::string_view wanted) {
  while (!list.empty()) {
    const std::size_t name_bytes = static_cast<std::uint8_t>(list[0]);
    if (list.size() < 1 + name_bytes + sizeof(std::uint32_t)) {
      return std::nullopt;
    }
    const std::string_view name = list.substr(1, name_bytes);
    list.remove_prefix(1 + name_bytes);
    const std::size_t value_bytes = load_u32_be(bytes_of(list).data());
    list.remove_prefix(sizeof(std::uint32_t));
    if (list.size() < value_bytes) {
      return std::nullopt;
    }
    if (name == wanted) {
      return list.substr(0, value_bytes);
    }
    list.remove_prefix(value_bytes);
  }
  return std::nullopt;
}

status check_ready(std::string_view name, std::string_view arguments) {
  if (name != "READY") {
    return malformed("expected READY, got the command '" + std::string{name} +
                     "'");
  }
  const auto type = property(arguments, "Socket-Type");
  if (type == "SUB" || type == "XSUB") {
    return ok();
  }
  return error{errc::unsupported,
               "subscriber: expected a SUB or XSUB, got " +
                   (type ? "a " + std::string{*type} : "no Socket-Type")};
}

} // namespace

byte_buffer zmtp_opening() {
  byte_buffer all(greeting_bytes, 0);
  all[0] = signature_first;
  all[9] = signature_last;
  all[10] = version;
  std::copy(mechanism.begin(), mechanism.end(), all.begin() + mechanism_at);

  byte_buffer ready;
  append(ready, "\x05READY\x0bSocket-Type");
  append(ready, std::string_view{"\0\0\0\x04XPUB", 8});
  append_frame(all, ready, command_flag);
  return all;
}

void append_zmtp_part(byte_buffer& to, byte_view body, zmtp_part which) {
  append_frame(to, body, which == zmtp_part::more ? more_flag : 0);
}

void append_zmtp_pong(byte_buffer& to, std::string_view context) {
  byte_buffer pong;
  append(pong, "\x04PONG");
  append(pong, context);
  append_frame(to, pong, command_flag);
}

status zmtp_reader::feed(byte_view bytes,
                         const std::function<void(zmtp_request)>& sink) {
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  if (at_ == stage::greeting) {
    if (const status greeted = take_greeting();
        !greeted || at_ == stage::greeting) {
      return greeted;
    }
  }
  byte_view rest{pending_};
  while (const auto head = head_of(rest)) {
    if (head->body_bytes > frame_bytes_max_) {
      return error{errc::too_large, "subscriber: expected a frame of at most " +
                                        std::to_string(frame_bytes_max_) +
                                        " bytes, got " +
                                        std::to_string(head->body_bytes)};
    }
    const std::size_t body_bytes = head->body_bytes;
    if (rest.size() - head->head_bytes < body_bytes) {
      break;
    }
    const byte_view body = rest.subspan(head->head_bytes, body_bytes);
    if (const status taken = take_frame(body, head->flags, sink); !taken) {
      return taken;
    }
    rest = rest.subspan(head->head_bytes + body_bytes);
  }
  pending_.erase(pending_.begin(),
                 pending_.end() - static_cast<std::ptrdiff_t>(rest.size()));
  return ok();
}

status zmtp_reader::take_greeting() {
  // Not a byte is waited for after the one that is wrong: whoever speaks HTTP
  // sends no more.
  if (!pending_.empty() && pending_[0] != signature_first) {
    return malformed("expected the greeting of ZMTP");
  }
  if (pending_.size() > 10 &&
      (pending_[9] != signature_last || pending_[10] < version)) {
    return error{errc::unsupported, "subscriber: expected ZMTP 3 or later"};
  }
  if (pending_.size() < greeting_bytes) {
    return ok();
  }
  std::array<char, mechanism_bytes> known{};
  std::copy(mechanism.begin(), mechanism.end(), known.begin());
  const auto named = pending_.begin() + mechanism_at;
  if (!std::equal(known.begin(), known.end(), named)) {
    return error{errc::unsupported, "subscriber: expected the mechanism NULL"};
  }
  pending_.erase(pending_.begin(), pending_.begin() + greeting_bytes);
  at_ = stage::handshake;
  return ok();
}

status zmtp_reader::take_frame(byte_view body, std::uint8_t flags,
                               const std::function<void(zmtp_request)>& sink) {
  if ((flags & ~(more_flag | long_flag | command_flag)) != 0) {
    return malformed("unknown flags " + std::to_string(flags));
  }
  if ((flags & command_flag) != 0) {
    return take_command(body, sink);
  }
  if (at_ != stage::open) {
    return malformed("expected READY, got a message");
  }
  if (!in_message_) {
    take_message(body, sink);
  }
  in_message_ = (flags & more_flag) != 0;
  return ok();
}

status
zmtp_reader::take_command(byte_view body,
                          const std::function<void(zmtp_request)>& sink) {
  const std::string_view text = text_of(body);
  if (body.empty() || body[0] > body.size() - 1) {
    return malformed("a command without a name");
  }
  const std::string_view name = text.substr(1, body[0]);
  const std::string_view arguments = text.substr(1 + body[0]);
  if (at_ == stage::handshake) {
    const status ready = check_ready(name, arguments);
    if (ready) {
      at_ = stage::open;
      sink({zmtp_request::kind::ready, {}});
    }
    return ready;
  }
  if (name == "SUBSCRIBE" || name == "CANCEL") {
    sink({name == "SUBSCRIBE" ? zmtp_request::kind::subscribe
                              : zmtp_request::kind::cancel,
          std::string{arguments}});
  } else if (name == "PING") {
    if (arguments.size() < ping_ttl_bytes ||
        arguments.size() > ping_ttl_bytes + ping_context_max) {
      return malformed("a PING of " + std::to_string(body.size()) + " bytes");
    }
    sink({zmtp_request::kind::ping,
          std::string{arguments.substr(ping_ttl_bytes)}});
  }
  // Others are for later versions, which let them be ignored.
  return ok();
}

/// A subscription is a message of one byte, 1 to begin and 0 to end, and the
/// prefix; what else a subscriber sends concerns nobody.
void zmtp_reader::take_message(byte_view body,
                               const std::function<void(zmtp_request)>& sink) {
  if (body.empty() || body[0] > 1) {
    return;
  }
  sink({body[0] == 1 ? zmtp_request::kind::subscribe
                     : zmtp_request::kind::cancel,
        std::string{text_of(body.subspan(1))}});
}

} // namespace dynamo
