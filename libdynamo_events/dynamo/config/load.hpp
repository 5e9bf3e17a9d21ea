#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/config/json_source.hpp"
#include "dynamo/config/options.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo {

/// The value of a variable, or nothing when it is not set.
using environment =
    std::function<std::optional<std::string>(std::string_view name)>;

/// A flag that sets a key: {"--event-plane", "event_plane", "zmq"}.
struct flag_value {
  std::string flag;
  std::string key;
  std::string text;
  /// What its number is multiplied with to have the key's unit.
  std::uint64_t scale = 1;
  /// The flag to use in its place; empty for one that is not deprecated.
  std::string instead = {};
};

/// Where values come from, beside the defaults.
struct load_request {
  /// A file that was read with read_config_file, if there is one.
  std::optional<named_text> file;
  /// Empty: nothing is set.
  environment variables;
  /// In the order given; of two for one key the later one counts. Presets
  /// count first, wherever they stand.
  std::vector<flag_value> flags;
};

/// A complete configuration.
struct loaded_options {
  options values;
  /// Where each key's value comes from: "flag --event-plane", "environment
  /// DYN_EVENT_PLANE", "file worker.jsonc:3" or "default".
  std::map<std::string, std::string, std::less<>> origins;
  /// Variables that were ignored and why, variables and flags that are
  /// deprecated; for the log.
  std::vector<std::string> warnings;
};

/// The text of a file of at most 1 MiB under the name `path`; errc::not_found,
/// errc::io or errc::too_large.
result<named_text> read_config_file(const std::string& path);

/// Puts a configuration together; a flag goes before the environment, that
/// before the file, and that before the default. errc::invalid with a sentence
/// like `worker.jsonc:12: zmq.send_hwm: expected an integer from 1 to 10000000,
/// got "many"` for an unknown key, a wrong type and a value out of range, even
/// when a source that goes first makes it irrelevant; of several mistakes the
/// one in the weakest source. Also for settings that contradict each other.
/// Where a flag or a variable is in seconds, and its key in milliseconds, it
/// may have a fraction.
/// Neither an error nor a warning holds a secret.
result<loaded_options> load_options(const load_request& request);

} // namespace dynamo
