#pragma once

#include "apps/events/event_filter.hpp"
#include "apps/events/explain.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/events/scope.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
} // namespace CLI

namespace dynamo::apps {

class application;

/// What discovery knows.
struct list_command {
  /// One of name_of(bucket), or "all".
  std::string bucket = "event_channels";
  bool watch = false;
};

/// Events as they come.
struct tail_command {
  /// Empty: the endpoint of the configuration.
  std::string scope;
  /// Empty: those that workers publish.
  std::vector<std::string> topics;
  event_filter filter;
  /// Ends after so many events; 0: never.
  std::uint64_t count = 0;
  /// Ends after so long; nothing: never.
  std::optional<std::chrono::milliseconds> timeout;
  bool quiet = false;
};

/// Events from JSON.
struct publish_command {
  std::string topic;
  std::string scope;
  /// "-": one JSON a line of stdin.
  std::string json = "-";
  std::size_t wait_subscribers = 1;
  std::chrono::milliseconds timeout{10'000};
  std::uint64_t repeat = 1;
};

/// Bytes explained.
struct decode_command {
  /// Hex, one for each part; empty or "-": stdin.
  std::vector<std::string> hex;
  std::string file;
  std::string topic;
  wire_form form = wire_form::detect;
};

/// The subcommand that was given, with its flags.
struct commands {
  enum class kind { list, tail, publish, decode };
  /// Nothing: none was given.
  std::optional<kind> chosen;
  list_command list;
  tail_command tail;
  publish_command publish;
  decode_command decode;
};

/// Adds the subcommands; `out` is filled when `app` parses and outlives it.
void add_commands(CLI::App& app, commands& out);

// Each runs until it is done or the application stops. errc::invalid for what
// was asked wrongly.

status run_list(application& app, const list_command& wanted);
status run_tail(application& app, const tail_command& wanted);
status run_publish(application& app, const publish_command& wanted);
/// errc::malformed when the bytes do not decode; they are explained all the
/// same.
status run_decode(application& app, const decode_command& wanted);

/// The scope that a flag names, or the endpoint of the configuration.
result<scope> scope_or_default(const std::string& text, const application& app);

} // namespace dynamo::apps
