#include "apps/app/application.hpp"
#include "apps/bench/prediction_bench.hpp"
#include "apps/bench/roles/role_main.hpp"
#include "apps/bench/run_command.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo::apps {

namespace {

enum class command { none, run, prediction };

struct bench_flags {
  command wanted = command::none;
  run_flags measured_run;
  std::string trace;
  prediction_bench_options predicted;
};

constexpr std::size_t workers_max = 16'384;

void add_trace(CLI::App& to, bench_flags& flags) {
  to.add_option("--trace", flags.trace, "Trace of requests, JSON lines")
      ->type_name("FILE")
      ->required();
}

void add_run(CLI::App& app, bench_flags& to) {
  CLI::App* command = app.add_subcommand(
      "run", "Everything beside its baselines, or some of it");
  add_run(*command, to.measured_run);
  command->callback([&to] { to.wanted = command::run; });
}

void add_prediction(CLI::App& app, bench_flags& to) {
  CLI::App* command = app.add_subcommand(
      "prediction", "The memory of prediction over many decisions");
  prediction_bench_options& options = to.predicted;
  add_trace(*command, to);
  command->add_option("--workers", options.workers, "Default 8")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, workers_max));
  command->add_option("--decisions", options.decisions, "Default 10000000")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1000}, std::uint64_t{10'000'000'000}));
  command
      ->add_option("--speed", options.speed,
                   "The trace is so many times faster, 1")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}));
  command
      ->add_option("--tree-size-max", options.prediction.tree_size_max,
                   "Pairs that are believed in, 1048576")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 32));
  command->callback([&to] { to.wanted = command::prediction; });
}

program self(bench_flags& flags) {
  program self;
  self.name = "dynamo-bench";
  self.summary = "Measures the event plane and the router beside baselines.";
  self.examples =
      "  dynamo-bench run --quick\n"
      "  dynamo-bench run end-to-end --pairs 7 --report report.json\n"
      "  dynamo-bench prediction --trace traces/conversation_trace.jsonl\n";
  self.http = http_face_use::none;
  self.add_arguments = [&flags](CLI::App& app) {
    add_run(app, flags);
    add_prediction(app, flags);
  };
  return self;
}

void print(application& app, const prediction_look& look) {
  char text[160];
  std::snprintf(text, sizeof(text),
                "%11llu decisions %9llu pairs %11llu pruned %11llu expired "
                "%6.1f MB heap %6.1f MB resident %7.0f /s",
                static_cast<unsigned long long>(look.decisions),
                static_cast<unsigned long long>(look.pairs),
                static_cast<unsigned long long>(look.pruned),
                static_cast<unsigned long long>(look.expired),
                static_cast<double>(look.heap_bytes) / 1e6,
                static_cast<double>(look.resident_bytes) / 1e6,
                look.per_second);
  app.out().event("look",
                  {{"decisions", look.decisions},
                   {"pairs", look.pairs},
                   {"pruned", look.pruned},
                   {"expired", look.expired},
                   {"heap_bytes", look.heap_bytes},
                   {"resident_bytes", look.resident_bytes},
                   {"decisions_per_s", look.per_second}},
                  text);
}

status run_prediction(application& app, const bench_flags& flags) {
  const auto trace = read_trace_file(flags.trace, {});
  if (!trace) {
    return trace.error();
  }
  const auto looks = bench_prediction(
      *trace, flags.predicted,
      [&app](const prediction_look& look) { print(app, look); });
  if (!is_flat(looks)) {
    return error{errc::too_large, "memory grew by more than a twentieth in the "
                                  "second half of the decisions"};
  }
  return ok();
}

status run_command(application& app, const bench_flags& flags) {
  switch (flags.wanted) {
  case command::run:
    return run_measures(app, flags.measured_run);
  case command::prediction:
    return run_prediction(app, flags);
  case command::none:
    break;
  }
  return error{errc::invalid,
               "a command is missing: run or prediction (see --help)"};
}

} // namespace

} // namespace dynamo::apps

int main(int argc, char** argv) {
  using namespace dynamo::apps;
  if (argc > 1 && std::string_view{argv[1]} == "role") {
    return role_main(argc - 1, argv + 1);
  }
  bench_flags flags;
  return run(self(flags), argc, argv,
             [&flags](application& app) { return run_command(app, flags); });
}
