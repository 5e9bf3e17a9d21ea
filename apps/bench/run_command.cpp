#include "apps/bench/run_command.hpp"

#include "dynamo/base/clock.hpp"

#include <CLI/CLI.hpp>
#include <nats/version.h>
#include <nlohmann/json.hpp>
#include <zmq.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sys/utsname.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace dynamo::apps {

namespace {

/// The line of /proc/cpuinfo that names the processor.
std::string processor_name() {
  std::ifstream file{"/proc/cpuinfo"};
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) {
      return line.substr(std::min(line.size(), line.find(':') + 2));
    }
  }
  return "unknown";
}

nlohmann::json machine_json() {
  utsname system{};
  uname(&system);
  int major = 0;
  int minor = 0;
  int patch = 0;
  zmq_version(&major, &minor, &patch);
  return {{"processor", processor_name()},
          {"cores", std::thread::hardware_concurrency()},
          {"system", std::string{system.sysname} + " " + system.release},
          {"compiler", __VERSION__},
          {"libzmq", std::to_string(major) + "." + std::to_string(minor) + "." +
                         std::to_string(patch)},
          {"cnats", NATS_VERSION_STRING}};
}

std::vector<const measure*> wanted_by(const run_flags& flags) {
  std::vector<const measure*> wanted;
  for (const measure& one : measures()) {
    const bool is_named =
        std::find(flags.measures.begin(), flags.measures.end(), one.name) !=
        flags.measures.end();
    if (is_named || (flags.measures.empty() && one.name != "soak")) {
      wanted.push_back(&one);
    }
  }
  return wanted;
}

/// A line on stderr that is written over, where somebody can see it.
class progress_line {
 public:
  void show(const std::string& text) {
    if (!is_terminal_) {
      return;
    }
    std::fprintf(stderr, "\r\033[K%s", text.c_str());
    std::fflush(stderr);
  }
  ~progress_line() { show(""); }

 private:
  const bool is_terminal_ = isatty(STDERR_FILENO) != 0;
};

/// What says that something was lost that must not be.
std::vector<std::string> failures_of(const std::vector<comparison>& all) {
  std::vector<std::string> failures;
  for (const comparison& one : all) {
    if (one.wanted && one.wanted->is_of_every_run && !*one.is_met()) {
      failures.push_back(one.measure + ", " + one.what + ": " + one.figure +
                         ": " + std::to_string(spread_of(one.ours).max));
    }
  }
  return failures;
}

status write_report(const std::string& path, const nlohmann::json& report) {
  if (path.empty()) {
    return ok();
  }
  std::ofstream file{path};
  file << report.dump(1) << '\n';
  return file ? ok() : status{error{errc::io, "write " + path}};
}

} // namespace

void add_run(CLI::App& command, run_flags& to) {
  std::vector<std::string> names;
  std::string list;
  for (const measure& one : measures()) {
    names.push_back(one.name);
    char line[96];
    std::snprintf(line, sizeof line, "  %-12s %s\n", one.name.c_str(),
                  one.summary.c_str());
    list += line;
  }
  command.add_option("MEASURE", to.measures, "Which; all but soak by default")
      ->type_name("")
      ->check(CLI::IsMember(names).description(""));
  command.add_option("--pairs", to.options.pairs, "Runs of each side, 5")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1000}).description(""));
  command.add_flag("--quick", to.options.is_quick,
                   "So little work that figures mean nothing");
  command.add_option("--report", to.report, "Write all figures as JSON")
      ->type_name("FILE");
  command
      .add_option("--dynamo", to.dynamo_peer,
                  "The program of apps/bench/peers/dynamo")
      ->type_name("PROGRAM")
      ->check(CLI::ExistingFile.description(""));
  command.add_option("--traces", to.options.traces, "Default: traces")
      ->type_name("DIR");
  command
      .add_option("--soak-minutes", to.options.soak_minutes,
                  "How long the soak takes, 10")
      ->type_name("N")
      ->check(CLI::Range(0.01, 10'000.0).description(""));
  command
      .add_option("--only", to.options.only,
                  "Only cases with this in their names")
      ->type_name("TEXT");
  command.footer("Measures:\n" + list);
}

status run_measures(application& app, const run_flags& flags) {
  run_options options = flags.options;
  if (!flags.dynamo_peer.empty()) {
    options.dynamo_peer = flags.dynamo_peer;
  }
  options.is_stopping = app.stop_check();
  progress_line line;
  const auto wanted = wanted_by(flags);
  nlohmann::json report{{"machine", machine_json()},
                        {"pairs", options.pairs},
                        {"quick", options.is_quick},
                        {"figures", nlohmann::json::array()}};
  std::vector<std::string> failures;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto compared =
        wanted[i]->run(options, [&](const std::string& what, std::size_t pair,
                                    std::size_t pairs, const std::string& who) {
          line.show("[" + std::to_string(i + 1) + "/" +
                    std::to_string(wanted.size()) + "] " + what + ": " + who +
                    ", " + std::to_string(pair) + " of " +
                    std::to_string(pairs));
        });
    line.show("");
    // Ctrl-C ends the processes of a measure too, which is no fault of theirs.
    // It is a failure all the same: not everything was measured.
    if (app.stopping()) {
      return error{errc::unavailable,
                   "interrupted in " + wanted[i]->name +
                       "; the measures before it are complete"};
    }
    if (!compared) {
      return compared.error();
    }
    auto figures = nlohmann::json::array();
    for (const comparison& one : *compared) {
      figures.push_back(to_json(one));
      report["figures"].push_back(figures.back());
    }
    app.out().event("measure",
                    {{"name", wanted[i]->name}, {"figures", figures}},
                    table_of(*compared));
    const auto lost = failures_of(*compared);
    failures.insert(failures.end(), lost.begin(), lost.end());
    // After each, so that what takes an hour is not lost with its last minute.
    if (const status written = write_report(flags.report, report); !written) {
      return written;
    }
  }
  if (report["figures"].empty()) {
    return error{errc::invalid, "--only " + flags.options.only +
                                    ": expected a part of a case's name"};
  }
  if (!failures.empty()) {
    std::string text = "expected nothing lost, got";
    for (const std::string& one : failures) {
      text += "\n  " + one;
    }
    return error{errc::io, text};
  }
  return ok();
}

} // namespace dynamo::apps
