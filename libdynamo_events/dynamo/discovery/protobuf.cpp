#include "dynamo/discovery/protobuf.hpp"

namespace dynamo {

namespace {

constexpr std::uint64_t kind_varint = 0;
constexpr std::uint64_t kind_fixed64 = 1;
constexpr std::uint64_t kind_delimited = 2;
constexpr std::uint64_t kind_fixed32 = 5;

constexpr std::uint64_t number_max = (std::uint64_t{1} << 29) - 1;

std::uint64_t tag(std::uint32_t number, std::uint64_t kind) {
  return std::uint64_t{number} << 3 | kind;
}

} // namespace

void protobuf_writer::integer(std::uint32_t number, std::uint64_t value) {
  if (value != 0) {
    chosen_integer(number, value);
  }
}

void protobuf_writer::chosen_integer(std::uint32_t number,
                                     std::uint64_t value) {
  varint(tag(number, kind_varint));
  varint(value);
}

void protobuf_writer::text(std::uint32_t number, std::string_view value) {
  if (!value.empty()) {
    varint(tag(number, kind_delimited));
    varint(value.size());
    bytes_.append(value);
  }
}

void protobuf_writer::message(std::uint32_t number,
                              const protobuf_writer& value) {
  varint(tag(number, kind_delimited));
  varint(value.bytes().size());
  bytes_.append(value.bytes());
}

void protobuf_writer::varint(std::uint64_t value) {
  for (; value > 0x7f; value >>= 7) {
    bytes_.push_back(static_cast<char>((value & 0x7f) | 0x80));
  }
  bytes_.push_back(static_cast<char>(value));
}

result<protobuf_field> protobuf_reader::next() {
  const auto head = varint();
  if (!head) {
    return head.error();
  }
  const std::uint64_t number = *head >> 3;
  if (number == 0 || number > number_max) {
    return failure(errc::malformed,
                   "expected a field number, got " + std::to_string(number));
  }
  protobuf_field field;
  field.number = static_cast<std::uint32_t>(number);
  const std::uint64_t kind = *head & 7;
  if (kind == kind_varint) {
    const auto value = varint();
    if (!value) {
      return value.error();
    }
    field.integer = *value;
    return field;
  }
  std::uint64_t size = kind == kind_fixed64 ? 8 : 4;
  if (kind == kind_delimited) {
    const auto length = varint();
    if (!length) {
      return length.error();
    }
    size = *length;
  } else if (kind != kind_fixed64 && kind != kind_fixed32) {
    return failure(errc::malformed,
                   "expected a field, got kind " + std::to_string(kind));
  }
  const std::string_view rest = bytes_.substr(offset_);
  if (size > rest.size()) {
    return failure(errc::truncated, "expected " + std::to_string(size) +
                                        " bytes, got " +
                                        std::to_string(rest.size()));
  }
  const std::string_view value = rest.substr(0, size);
  offset_ += size;
  if (kind == kind_delimited) {
    field.text = value;
    field.is_text = true;
    return field;
  }
  for (std::size_t i = 0; i < value.size(); ++i) {
    field.integer |= std::uint64_t{static_cast<std::uint8_t>(value[i])}
                     << (8 * i);
  }
  return field;
}

result<std::uint64_t> protobuf_reader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (at_end()) {
      return failure(errc::truncated, "the bytes end within a number");
    }
    const auto byte = static_cast<std::uint8_t>(bytes_[offset_++]);
    if (shift == 63 && byte > 1) {
      break;
    }
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) {
      return value;
    }
  }
  return failure(errc::malformed, "a number of more than 64 bits");
}

error protobuf_reader::failure(errc code, std::string_view reason) const {
  return {code, std::string{what_} + ", byte " + std::to_string(offset_) +
                    ": " + std::string{reason}};
}

} // namespace dynamo
