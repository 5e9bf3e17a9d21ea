#pragma once

#include "dynamo/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

// The wire format of protocol buffers, as much of it as etcd's messages need:
//
//   field   tag varint (number << 3 | kind), then its value
//   kind 0  varint: 7 bits a byte, the lowest first; the top bit says that more
//           follow; at most 10 bytes
//   kind 1  8 bytes     kind 5  4 bytes
//   kind 2  varint length, then so many bytes: text, bytes, messages
//
// A field that is 0 or empty may be left out, and unknown ones are skipped.

namespace dynamo {

/// Appends fields. What has the default value is left out, as everybody does.
class protobuf_writer {
 public:
  void integer(std::uint32_t number, std::uint64_t value);
  /// Also when it is 0: in a choice of fields, which one is there counts.
  void chosen_integer(std::uint32_t number, std::uint64_t value);
  void signed_integer(std::uint32_t number, std::int64_t value) {
    integer(number, static_cast<std::uint64_t>(value));
  }
  void boolean(std::uint32_t number, bool value) { integer(number, value); }
  void text(std::uint32_t number, std::string_view value);
  /// A message is written even when it is empty: that it is there counts.
  void message(std::uint32_t number, const protobuf_writer& value);

  const std::string& bytes() const { return bytes_; }
  std::string take() && { return std::move(bytes_); }

 private:
  void varint(std::uint64_t value);

  std::string bytes_;
};

/// One field of a message.
struct protobuf_field {
  std::uint32_t number = 0;
  /// Of a varint, or the bytes of a fixed-size number.
  std::uint64_t integer = 0;
  /// Of a length-delimited field; points into what is read.
  std::string_view text;
  bool is_text = false;

  std::int64_t signed_integer() const {
    return static_cast<std::int64_t>(integer);
  }
};

/// Reads the fields of one message, in the order in which they stand. Never
/// reads beyond its bytes, whatever these say.
class protobuf_reader {
 public:
  /// `bytes` outlives the reader. Errors begin with `what`.
  protobuf_reader(std::string_view bytes, std::string_view what)
      : bytes_(bytes)
      , what_(what) {}

  bool at_end() const { return offset_ == bytes_.size(); }

  /// The next field; errc::truncated when the bytes end within it,
  /// errc::malformed for a varint of more than 64 bits, the number 0, or a kind
  /// that is not in use any more.
  result<protobuf_field> next();

 private:
  result<std::uint64_t> varint();
  error failure(errc code, std::string_view reason) const;

  std::string_view bytes_;
  std::string_view what_;
  std::size_t offset_ = 0;
};

} // namespace dynamo
