#include "apps/app/application.hpp"
#include "apps/bench/index_bench.hpp"
#include "apps/bench/prediction_bench.hpp"
#include "apps/bench/roles/role_main.hpp"
#include "apps/bench/run_command.hpp"
#include "dynamo/router/flat_index.hpp"
#include "dynamo/router/tree_index.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo::apps {

namespace {

enum class command { none, run, index, prediction };

struct bench_flags {
  command wanted = command::none;
  run_flags measured_run;
  std::string trace;
  stream_options stream;
  std::string how = "by_prefix";
  bench_options measured;
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

void add_index(CLI::App& app, bench_flags& to) {
  CLI::App* command = app.add_subcommand("index", "The prefix indexes");
  add_trace(*command, to);
  command->add_option("--workers", to.stream.workers, "Default 8")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, workers_max));
  command
      ->add_option("--blocks", to.stream.cache_blocks,
                   "Of each worker's cache, 16384")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{16'777'216}));
  command->add_option("--spread", to.how, "round_robin or by_prefix")
      ->type_name("HOW")
      ->check(CLI::IsMember({"round_robin", "by_prefix"}));
  command
      ->add_option("--rounds", to.stream.rounds,
                   "How often the trace is played, 2")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1000}));
  command
      ->add_option("--repeats", to.measured.repeats,
                   "Measurements of each index, 5")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1000}));
  command
      ->add_option("--readers", to.measured.readers,
                   "Threads that look up beside events, 1")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{0}, std::size_t{256}));
  command->callback([&to] { to.wanted = command::index; });
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
      "  dynamo-bench index --trace traces/conversation_trace.jsonl\n"
      "  dynamo-bench index --trace traces/conversation_trace.jsonl \\\n"
      "    --workers 512 --blocks 2048 --spread round_robin --readers 2\n"
      "  dynamo-bench prediction --trace traces/conversation_trace.jsonl\n";
  self.http = http_face_use::none;
  self.add_arguments = [&flags](CLI::App& app) {
    add_run(app, flags);
    add_index(app, flags);
    add_prediction(app, flags);
  };
  return self;
}

/// One figure of a row; times are better the smaller they are.
struct figure {
  const char* key;
  const char* label;
  double bench_row::*value;
};

constexpr figure figures[] = {
    {"ingest_millions_per_s", "ingest, M blocks/s", &bench_row::ingest},
    {"mixed_millions_per_s", "mixed, M blocks/s", &bench_row::mixed},
    {"idle_p50_us", "lookup p50, us", &bench_row::idle_p50_us},
    {"idle_p99_us", "lookup p99, us", &bench_row::idle_p99_us},
    {"beside_p50_us", "beside events p50, us", &bench_row::beside_p50_us},
    {"beside_p99_us", "beside events p99, us", &bench_row::beside_p99_us},
    {"beside_thousands_per_s", "beside events, k/s",
     &bench_row::beside_lookups},
    {"beside_ingest_millions_per_s", "ingest meanwhile, M/s",
     &bench_row::beside_ingest},
    {"bytes_per_pair", "bytes per (rank, block)", &bench_row::bytes_per_pair},
};

std::string line_of(const char* label, const std::vector<std::string>& cells) {
  char text[64];
  std::snprintf(text, sizeof(text), "%-26s", label);
  std::string line = text;
  for (const std::string& cell : cells) {
    std::snprintf(text, sizeof(text), " %10s", cell.c_str());
    line += text;
  }
  return line;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f", value);
  return text;
}

/// The last column is the last candidate's figure over the first one's.
void print(application& app, const std::vector<bench_row>& rows) {
  std::vector<std::string> names;
  for (const bench_row& row : rows) {
    names.push_back(row.name);
  }
  names.emplace_back("ratio");
  std::string text = line_of("", names);
  nlohmann::json all = nlohmann::json::array();
  for (const bench_row& row : rows) {
    all.push_back({{"index", row.name}, {"matched_blocks", row.matched}});
  }
  for (const figure& one : figures) {
    std::vector<std::string> cells;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      cells.push_back(number(rows[i].*one.value));
      all[i][one.key] = rows[i].*one.value;
    }
    cells.push_back(number(rows.back().*one.value / rows.front().*one.value));
    text += "\n" + line_of(one.label, cells);
  }
  app.out().event("index", {{"indexes", all}}, text);
}

status run_index(application& app, const bench_flags& flags) {
  const auto trace = read_trace_file(flags.trace, {});
  if (!trace) {
    return trace.error();
  }
  stream_options options = flags.stream;
  options.how = flags.how == "round_robin" ? spreading::round_robin
                                           : spreading::by_prefix;
  const event_stream stream = make_stream(*trace, options);
  app.out().event("stream",
                  {{"requests", stream.steps.size()},
                   {"asked_blocks", stream.asked},
                   {"stored_blocks", stream.stored},
                   {"removed_blocks", stream.removed}},
                  std::to_string(stream.steps.size()) + " requests of " +
                      std::to_string(stream.asked) + " blocks, " +
                      std::to_string(stream.stored) + " stored, " +
                      std::to_string(stream.removed) + " removed");
  const std::vector<bench_candidate> candidates{
      {"tree", [] { return std::make_unique<tree_index>(); }},
      {"flat", [] { return std::make_unique<flat_index>(); }}};
  const auto rows = bench_indexes(stream, candidates, flags.measured);
  for (const bench_row& row : rows) {
    if (row.matched != rows.front().matched) {
      return error{errc::invalid, "the indexes answered differently: " +
                                      std::to_string(rows.front().matched) +
                                      " and " + std::to_string(row.matched) +
                                      " blocks"};
    }
  }
  print(app, rows);
  return ok();
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
  case command::index:
    return run_index(app, flags);
  case command::prediction:
    return run_prediction(app, flags);
  case command::none:
    break;
  }
  return error{errc::invalid,
               "a command is missing: run, index or prediction (see --help)"};
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
