#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
} // namespace CLI

namespace dynamo::apps {

/// A flag that sets one key of the configuration, in every program or in one.
struct config_flag {
  /// "--worker-id", or "-n,--namespace".
  std::string flag;
  /// "worker.worker_id".
  std::string key;
  /// What --help calls its argument: "ID".
  std::string argument;
  /// At most 48 characters, so that --help keeps to 80 columns.
  std::string summary;
  /// For a flag without argument: the value that it stands for.
  std::optional<std::string> fixed = std::nullopt;
  /// What the argument is multiplied with to have the key's unit: 1000 for
  /// seconds of a key in milliseconds, which may then have a fraction.
  std::uint64_t scale = 1;
  /// The heading of --help that it stands under; hidden_flag: none.
  std::string group = "Options";
  /// The flag to use in its place; empty for one that is not deprecated.
  std::string instead = {};
};

/// The group of flags that are accepted and not shown.
inline constexpr const char* hidden_flag = "";

enum class http_face_use { none, serves };

/// What makes one program differ from the others on its command line.
struct program {
  /// "dynamo-worker".
  std::string name;
  /// One sentence.
  std::string summary;
  /// Shown at the end of --help, within 80 columns.
  std::string examples;
  /// Whether there is a --http flag.
  http_face_use http = http_face_use::serves;
  /// Keys that have a flag of their own in this program.
  std::vector<config_flag> flags;
  /// Adds flags and subcommands that are no part of the configuration; may be
  /// empty. What it captures outlives the parsing.
  std::function<void(CLI::App&)> add_arguments;
};

} // namespace dynamo::apps
