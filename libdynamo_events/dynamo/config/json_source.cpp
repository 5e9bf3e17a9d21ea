#include "dynamo/config/json_source.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

namespace dynamo {

namespace {

/// Reads the text and leaves word of how far it came: the parser reports keys
/// without their place, but calls at the moment it has read them.
class tracked_cursor {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  tracked_cursor() = default;
  tracked_cursor(const char* at, const char** reached)
      : at_(at)
      , reached_(reached) {}

  reference operator*() const { return *at_; }
  tracked_cursor& operator++() {
    ++at_;
    *reached_ = at_;
    return *this;
  }
  tracked_cursor operator++(int) {
    tracked_cursor before = *this;
    ++*this;
    return before;
  }
  bool operator==(const tracked_cursor& other) const {
    return at_ == other.at_;
  }

 private:
  const char* at_ = nullptr;
  const char** reached_ = nullptr;
};

/// Flattens the parser's calls into entries. Every member returns false to
/// stop the parser, with the reason in `failure_`.
class entry_collector final : public nlohmann::json_sax<nlohmann::json> {
 public:
  entry_collector(const named_text& source, const char* const& reached)
      : source_(source)
      , reached_(reached)
      , counted_(source.text.data()) {}

  bool null() override { return value(std::monostate{}); }
  bool boolean(bool found) override { return value(found); }
  bool number_integer(number_integer_t found) override { return value(found); }
  bool number_unsigned(number_unsigned_t found) override {
    return value(found);
  }
  bool number_float(number_float_t found, const string_t&) override {
    return value(found);
  }
  bool string(string_t& found) override { return value(found); }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override {
    if (array_depth_ > 0) {
      ++array_depth_;
      return true;
    }
    if (!root_open_) {
      root_open_ = true;
      return true;
    }
    sections_.push_back(key_ + ".");
    return value(json_container::object);
  }

  bool end_object() override {
    if (array_depth_ > 0) {
      --array_depth_;
    } else if (!sections_.empty()) {
      sections_.pop_back();
    }
    return true;
  }

  bool start_array(std::size_t) override {
    if (array_depth_ == 0 && !value(json_container::array)) {
      return false;
    }
    ++array_depth_;
    return true;
  }

  bool end_array() override {
    --array_depth_;
    return true;
  }

  bool key(string_t& name) override {
    if (array_depth_ > 0) {
      return true;
    }
    key_ = (sections_.empty() ? std::string{} : sections_.back()) + name;
    line_ = count_lines();
    if (name.find('.') != std::string::npos) {
      return fail(line_, to_message(name) +
                             ": unknown key; write sections as nested objects");
    }
    const auto [first, fresh] = first_lines_.emplace(key_, line_);
    return fresh || fail(line_, key_ + ": given twice, first in line " +
                                    std::to_string(first->second));
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& problem) override {
    // The parser may have read the line break after the token it refuses.
    const std::size_t end = std::min(position, source_.text.size());
    const std::size_t token_end = end > 0 ? end - 1 : 0;
    const auto from = source_.text.begin();
    const auto line =
        1 +
        std::count(from, from + static_cast<std::ptrdiff_t>(token_end), '\n');
    // "[json.exception...] parse error at line 3, column 5: what counts".
    std::string text = problem.what();
    for (const std::string_view before : {"] ", "column ", ": "}) {
      const std::size_t found = text.find(before);
      if (found == std::string::npos) {
        break;
      }
      text.erase(0, found + before.size());
    }
    // What it quotes may be a password.
    for (const std::string_view quote : {"; last read: ", " parsing '"}) {
      text.erase(std::min(text.find(quote), text.size()));
    }
    return fail(static_cast<std::size_t>(line), text);
  }

  result<std::vector<json_entry>> take() && {
    if (failure_) {
      return *failure_;
    }
    return std::move(entries_);
  }

 private:
  template <class T>
  bool value(const T& found) {
    if (array_depth_ > 0) {
      return true;
    }
    if (!root_open_) {
      return fail(1, "expected an object, got " + to_message(scalar{found}));
    }
    entries_.push_back({key_, line_, found});
    return true;
  }

  bool fail(std::size_t line, const std::string& text) {
    failure_ = error{errc::invalid,
                     source_.name + ":" + std::to_string(line) + ": " + text};
    return false;
  }

  std::size_t count_lines() {
    lines_ += static_cast<std::size_t>(std::count(counted_, reached_, '\n'));
    counted_ = reached_;
    return lines_;
  }

  const named_text& source_;
  const char* const& reached_;
  const char* counted_;
  std::size_t lines_ = 1;
  bool root_open_ = false;
  std::size_t array_depth_ = 0;
  /// Open sections, each with its dots: "zmq.", "discovery.file.".
  std::vector<std::string> sections_;
  std::string key_;
  std::size_t line_ = 0;
  std::map<std::string, std::size_t> first_lines_;
  std::vector<json_entry> entries_;
  std::optional<error> failure_;
};

} // namespace

result<std::vector<json_entry>> read_json(const named_text& source) {
  const char* const begin = source.text.data();
  const char* reached = begin;
  entry_collector collector{source, reached};
  constexpr bool strict = true;
  constexpr bool ignore_comments = true;
  nlohmann::json::sax_parse(
      tracked_cursor{begin, &reached},
      tracked_cursor{begin + source.text.size(), &reached}, &collector,
      nlohmann::json::input_format_t::json, strict, ignore_comments);
  return std::move(collector).take();
}

} // namespace dynamo
