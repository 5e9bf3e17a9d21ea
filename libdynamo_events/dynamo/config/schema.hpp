#pragma once

#include "dynamo/config/options.hpp"
#include "dynamo/config/scalar.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo {

/// A variable of the environment that sets a key; Dynamo's own names.
struct environment_variable {
  /// Empty: no variable.
  std::string_view name;
  /// What its whole numbers are multiplied with to have the key's unit.
  std::uint64_t scale = 1;
  /// What is done about a value that is not accepted.
  enum class bad_value {
    refuse,
    /// Goes on as if the variable were not set, with a warning.
    ignore,
  } on_bad = bad_value::refuse;
};

/// A second name of a variable, from another version of Dynamo. The first name
/// goes before it.
struct older_variable {
  /// Empty: none.
  std::string_view name;
  /// Whether using it is worth a warning.
  enum class standing { equal, deprecated } is = standing::equal;
};

/// What of a value must not be shown: not by --print-config, nor in a message.
enum class secrecy {
  none,
  /// Passwords and tokens in a list of URLs.
  in_urls,
  all,
};

/// What can be said about a key without its type.
struct setting_notes {
  /// Empty for keys without one; the name says milliseconds and bytes too.
  std::string_view unit;
  /// Sentences for configs/reference.jsonc: what it is, why the default.
  std::string_view summary;
  environment_variable variable{};
  secrecy hidden = secrecy::none;
  older_variable older{};
};

/// One key of the configuration: everything that is known about it.
struct setting {
  /// Dotted path: "zmq.send_hwm".
  std::string key;
  scalar_type type = scalar_type::text;
  /// Completes "expected ...": `an integer from 1 to 10000000`.
  std::string accepted;
  setting_notes notes;
  /// Stores a value; false when it is not one that is accepted.
  std::function<bool(options&, const scalar&)> assign;
  /// The stored value, in the form that a file has it.
  std::function<scalar(const options&)> read;
  /// For a preset: the keys that it sets. It has no field of its own; `read`
  /// tells from those keys what it would have to be. Within a source a preset
  /// is taken before all other keys, so that they go before it.
  std::vector<std::string> sets = {};
};

/// Every key, in the order of configs/reference.jsonc; the keys of a section
/// stand together. The one place where keys are named.
std::vector<setting> schema();

} // namespace dynamo
