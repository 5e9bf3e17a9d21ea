#include "apps/app/application.hpp"
#include "apps/events/commands.hpp"
#include "apps/events/input.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <unistd.h>
#include <utility>

namespace dynamo::apps {

namespace {

constexpr std::size_t hex_digits_of_id = 16;

bool is_hex_text(byte_view bytes) {
  return !bytes.empty() &&
         std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) {
           return std::isxdigit(byte) != 0 || std::isspace(byte) != 0;
         });
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in{text};
  std::vector<std::string> words;
  for (std::string word; in >> word;) {
    words.push_back(std::move(word));
  }
  return words;
}

/// Whether hex words are the parts of a message, and not one run of bytes with
/// spaces in it: the second part of every message has 8 bytes.
bool are_parts(const std::vector<std::string>& words, wire_form form) {
  if (form != wire_form::detect) {
    return form == wire_form::parts;
  }
  return (words.size() == 3 || words.size() == 4) &&
         words[1].size() == hex_digits_of_id;
}

result<std::vector<byte_buffer>>
parts_from(const std::vector<std::string>& words, wire_form form) {
  std::vector<std::string> texts = words;
  if (!are_parts(words, form)) {
    std::string whole;
    for (const std::string& each : words) {
      whole += each;
    }
    texts = {std::move(whole)};
  }
  std::vector<byte_buffer> parts;
  for (const std::string& each : texts) {
    auto bytes = from_hex(each);
    if (!bytes) {
      return error{errc::invalid, "hex: " + bytes.error().message};
    }
    parts.push_back(*std::move(bytes));
  }
  return parts;
}

result<std::vector<byte_buffer>> read_parts(application& app,
                                            const decode_command& wanted) {
  const bool from_stdin =
      wanted.hex.empty() || (wanted.hex.size() == 1 && wanted.hex[0] == "-");
  if (!wanted.file.empty() && !wanted.hex.empty()) {
    return error{errc::invalid, "--file and hex exclude each other"};
  }
  if (wanted.file.empty() && !from_stdin) {
    std::vector<std::string> words;
    for (const std::string& each : wanted.hex) {
      const auto inside = words_of(each);
      words.insert(words.end(), inside.begin(), inside.end());
    }
    return parts_from(words, wanted.form);
  }
  const auto stopping = [&app] { return app.stopping(); };
  auto bytes = wanted.file.empty() ? input{STDIN_FILENO, stopping}.all()
                                   : read_file(wanted.file, stopping);
  if (!bytes) {
    return bytes.error();
  }
  if (!is_hex_text(*bytes)) {
    return std::vector<byte_buffer>{*std::move(bytes)};
  }
  return parts_from(words_of(std::string{text_of(byte_view{*bytes})}),
                    wanted.form);
}

} // namespace

status run_decode(application& app, const decode_command& wanted) {
  auto parts = read_parts(app, wanted);
  if (!parts) {
    return parts.error();
  }
  const explanation explained =
      explain({*std::move(parts), wanted.form, wanted.topic});
  if (app.out().mode() == output_mode::json_lines) {
    app.out().event("explained", json_of(explained), "");
  } else {
    for (const std::string& line : lines_of(explained)) {
      app.out().line(line);
    }
  }
  if (!explained.problems.empty()) {
    return error{errc::malformed, "it does not decode"};
  }
  return ok();
}

} // namespace dynamo::apps
