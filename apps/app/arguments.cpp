#include "apps/app/arguments.hpp"

#include "dynamo/config/print.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <sstream>
#include <utility>

namespace dynamo::apps {

namespace {

constexpr std::size_t flag_column_width = 30;
constexpr const char* key_letters = "abcdefghijklmnopqrstuvwxyz0123456789_.";

/// What the flags say, before any of it is checked.
struct stated {
  std::string file;
  std::vector<std::string> settings;
  std::vector<flag_value> flags;
  std::string http;
  output_mode output = output_mode::readable;
  enum class print { nothing, config, reference } print = print::nothing;
};

std::vector<config_flag> common_flags() {
  return {
      {"--event-plane", "event_plane", "KIND",
       "What carries events: nats (default) or zmq"},
      {"--no-kv-events", "kv_events", "",
       "No kv-events: none published, none followed", "false"},
      {"--discovery", "discovery.backend", "KIND",
       "etcd, kubernetes, file or mem"},
      {"--file-root", "discovery.file.root", "DIR",
       "Directory of file discovery"},
      {"--namespace", "namespace", "NAME", "The deployment's namespace"},
      {"--component", "component", "NAME", "The workers' component"},
      {"--endpoint", "endpoint", "NAME", "The workers' endpoint"},
      {"--log-level", "log.level", "LEVEL",
       "trace, debug, info, warn, error or off"},
  };
}

void add_config_flag(CLI::App& app, const config_flag& each, stated& to) {
  // Called in the order of the command line, so that of two flags for one key
  // the later one counts.
  const auto state = [&to, each](const std::string& text) {
    to.flags.push_back({each.flag, each.key, text, each.scale, each.instead});
  };
  if (each.fixed) {
    app.add_flag_callback(
           each.flag, [state, each] { state(*each.fixed); }, each.summary)
        ->group(each.group)
        ->trigger_on_parse();
    return;
  }
  app.add_option_function<std::string>(each.flag, state, each.summary)
      ->type_name(each.argument)
      ->group(each.group)
      ->trigger_on_parse();
}

void add_flags(CLI::App& app, const program& self, stated& to) {
  app.get_formatter()->column_width(flag_column_width);
  app.get_formatter()->label("SUBCOMMAND", "COMMAND");
  app.set_help_flag("-h,--help", "Print this and exit");
  app.set_version_flag("--version", self.name + " " + DYNAMO_VERSION,
                       "Print the version and exit");
  // Common flags may stand behind a subcommand, too.
  app.fallthrough();
  app.add_option("--config", to.file, "JSON file with comments")
      ->type_name("FILE");
  app.add_option("--set", to.settings, "Set any key, as in zmq.send_hwm=1000")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  for (const config_flag& each : common_flags()) {
    add_config_flag(app, each, to);
  }
  if (self.http == http_face_use::serves) {
    app.add_option("--http", to.http, "Address of the HTTP face; port 0: any")
        ->type_name("HOST:PORT");
  }
  app.add_flag_callback(
      "--json", [&to] { to.output = output_mode::json_lines; },
      "JSON lines on stdout");
  app.add_flag_callback(
      "--print-config", [&to] { to.print = stated::print::config; },
      "Print what is in force, and why; exit");
  app.add_flag_callback(
      "--print-reference", [&to] { to.print = stated::print::reference; },
      "Print every key with its default; exit");
  for (const config_flag& each : self.flags) {
    add_config_flag(app, each, to);
  }
  if (self.add_arguments) {
    self.add_arguments(app);
  }
  if (!self.examples.empty()) {
    app.footer("\nExamples:\n" + self.examples);
  }
}

/// "127.0.0.1:8080" or "[::1]:8080".
result<std::vector<flag_value>> http_flags(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  std::string host = text.substr(0, colon == std::string::npos ? 0 : colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) {
    host = host.substr(1, host.size() - 2);
  }
  if (host.empty() || (!bracketed && host.find(':') != std::string::npos)) {
    return error{errc::invalid,
                 "flag --http: expected HOST:PORT, got \"" + text + "\""};
  }
  return std::vector<flag_value>{
      {"--http", "http.host", host},
      {"--http", "http.port", text.substr(colon + 1)}};
}

/// All flags that set keys, the strongest last.
result<std::vector<flag_value>> key_flags(const stated& from) {
  std::vector<flag_value> all;
  for (const std::string& each : from.settings) {
    const std::size_t equals = each.find('=');
    if (equals == std::string::npos) {
      // Behind the key, a password may stand.
      const std::string key =
          each.substr(0, each.find_first_not_of(key_letters));
      return error{errc::invalid,
                   "flag --set: expected KEY=VALUE, got \"" + key + "\""};
    }
    const std::string key = each.substr(0, equals);
    all.push_back({"--set " + key, key, each.substr(equals + 1)});
  }
  all.insert(all.end(), from.flags.begin(), from.flags.end());
  if (!from.http.empty()) {
    auto http = http_flags(from.http);
    if (!http) {
      return http;
    }
    std::move(http->begin(), http->end(), std::back_inserter(all));
  }
  return all;
}

result<loaded_options> configure(const stated& from,
                                 const environment& variables) {
  load_request request;
  if (!from.file.empty()) {
    auto file = read_config_file(from.file);
    if (!file) {
      return std::move(file).error();
    }
    request.file = *std::move(file);
  }
  request.variables = variables;
  auto flags = key_flags(from);
  if (!flags) {
    return std::move(flags).error();
  }
  request.flags = *std::move(flags);
  auto loaded = load_options(request);
  // The event plane knows no deployment.
  if (loaded && loaded->values.plane.zmq.broker.ns.empty()) {
    loaded->values.plane.zmq.broker.ns = loaded->values.deployment.ns;
  }
  return loaded;
}

} // namespace

std::variant<arguments, early_exit>
parse_arguments(const program& self, const std::vector<std::string>& words,
                const environment& variables) {
  stated from;
  CLI::App app{self.summary, self.name};
  try {
    add_flags(app, self, from);
    // CLI11 takes the words from the back.
    app.parse(std::vector<std::string>{words.rbegin(), words.rend()});
  } catch (const CLI::ParseError& stop) {
    if (stop.get_exit_code() != 0) {
      return early_exit{exit_configuration, "",
                        self.name + ": " + stop.what() + "\nRun " + self.name +
                            " --help for the flags.\n"};
    }
    std::ostringstream text;
    app.exit(stop, text, text);
    return early_exit{exit_success, text.str(), ""};
  }
  if (from.print == stated::print::reference) {
    return early_exit{exit_success, print_reference(), ""};
  }
  auto loaded = configure(from, variables);
  if (!loaded) {
    return early_exit{exit_configuration, "",
                      self.name + ": " + loaded.error().message + "\n"};
  }
  if (from.print == stated::print::config) {
    return early_exit{exit_success, print_options(*loaded), ""};
  }
  return arguments{from.output, *std::move(loaded)};
}

environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string{name}.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
  };
}

} // namespace dynamo::apps
