#pragma once

#include "apps/app/program.hpp"
#include "dynamo/config/load.hpp"

#include <string>
#include <variant>
#include <vector>

namespace dynamo::apps {

/// The exit codes of every program.
enum exit_code : int {
  exit_success = 0,
  /// It started, and then something failed.
  exit_failure = 1,
  /// The arguments, the file, the environment, or what they ask for.
  exit_configuration = 2,
  /// A second signal came before the first one's work was done.
  exit_interrupted = 130,
};

/// How a program speaks on stdout.
enum class output_mode { readable, json_lines };

/// A program's part of its command line that is common to all.
struct arguments {
  output_mode output = output_mode::readable;
  loaded_options configuration;
};

/// The program ends before it starts: --help, --print-config, a mistake.
struct early_exit {
  int code = exit_success;
  /// For stdout.
  std::string output;
  /// For stderr.
  std::string message;
};

/// Reads the command line and the file that it names, and puts the
/// configuration together with the environment.
std::variant<arguments, early_exit>
parse_arguments(const program& self, const std::vector<std::string>& words,
                const environment& variables);

/// The variables of this process.
environment process_environment();

} // namespace dynamo::apps
