#pragma once

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
};

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
