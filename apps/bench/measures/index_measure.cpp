#include "apps/bench/measures/measure.hpp"
#include "apps/bench/measures/single_role.hpp"

#include <utility>

namespace dynamo::apps {

namespace {

constexpr double paced_requests = 5'000;

/// One trace with one number of workers.
struct index_case {
  std::string name;
  std::string file;
  std::vector<std::string> flags;
  /// Passes of the trace on the clock.
  std::string cycles;
  /// Of a lookup's p99 beside Dynamo's concurrent index.
  double p99_bound;
};

std::vector<index_case> cases_of(const run_options& options) {
  const std::string conversation = options.traces + "/conversation_trace.jsonl";
  const std::string synthetic = options.traces + "/synthetic_trace.jsonl";
  if (options.is_quick) {
    return {{"conversation",
             conversation,
             {"--requests", "500", "--capacity", "512"},
             "1",
             1}};
  }
  return {{"conversation", conversation, {}, "3", 0.4},
          {"synthetic", synthetic, {}, "3", 0.7},
          {"conversation, 512 workers",
           conversation,
           {"--workers", "512", "--capacity", "2048", "--warm-cycles", "4"},
           "3",
           0.4}};
}

/// Everything that is measured of one index: each phase in a process of its
/// own, their figures with the phase in front.
result<figures> run_phases(const contender& who, const index_case& on,
                           const std::string& which,
                           const std::vector<std::string>& phases,
                           const std::string& threads) {
  figures together;
  for (const std::string& phase : phases) {
    const bool is_paced = phase == "paced";
    std::vector<std::string> flags{"--trace",   on.file,
                                   "--which",   which,
                                   "--threads", threads,
                                   "--phase",   is_paced ? "mixed" : phase,
                                   "--cycles",  is_paced ? "1" : on.cycles};
    flags.insert(flags.end(), on.flags.begin(), on.flags.end());
    if (is_paced) {
      flags.insert(flags.end(),
                   {"--request-rate", std::to_string(paced_requests)});
    }
    const auto done = run_single_role(who, "index", flags);
    if (!done) {
      return done;
    }
    for (const auto& [key, value] : *done) {
      together[phase + "_" + key] = value;
    }
    together["wrong"] +=
        done->contains("wrong_answers") ? done->at("wrong_answers") : 0;
  }
  return together;
}

side index_side(const std::string& name, const contender& who,
                const index_case& on, const std::string& which,
                const std::string& threads, const run_options& options,
                std::vector<figure_spec> reported) {
  std::vector<std::string> phases{"ingest", "mixed", "memory"};
  if (!options.is_quick) {
    phases.push_back("paced");
  }
  return {name, [=] { return run_phases(who, on, which, phases, threads); },
          std::move(reported)};
}

std::vector<figure_spec> speeds(std::optional<double> bound) {
  const auto wanted =
      bound ? std::optional{target{*bound, true}} : std::nullopt;
  return {
      {"ingest_block_ops_per_s", "ingest", "M/s", better::higher, wanted, 1e6},
      {"mixed_block_ops_per_s", "mixed", "M/s", better::higher, wanted, 1e6}};
}

std::vector<figure_spec> all_figures(double speed, double p99) {
  std::vector<figure_spec> all = speeds(speed);
  const std::vector<figure_spec> more{
      {"ingest_lookups_per_s", "lookups", "k/s", better::higher, {}, 1e3},
      {"ingest_lookup_ns_p50", "lookup p50", "us", better::lower, {}, 1e3},
      {"ingest_lookup_ns_p99", "lookup p99", "us", better::lower,
       target{p99, true}, 1e3},
      {"paced_lookup_ns_p50", "p50 at 5 k/s", "us", better::lower, {}, 1e3},
      {"paced_lookup_ns_p99", "p99 at 5 k/s", "us", better::lower,
       target{p99, true}, 1e3},
      {"memory_bytes_per_pair", "bytes per pair", "B", better::lower,
       target{0.4, true}}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

turns turns_of(const index_case& on, const std::string& threads,
               const run_options& options) {
  const bool is_queued = threads == "1";
  turns one{"index", on.name + (is_queued ? ", queued" : ""), {}};
  std::vector<figure_spec> own{
      {"wrong", "wrong answers", "", better::lower, never}};
  if (!options.dynamo_peer) {
    const auto alone = all_figures(0, 0);
    for (figure_spec spec : alone) {
      spec.wanted.reset();
      own.push_back(spec);
    }
  }
  one.sides.push_back(
      index_side("ours", ours(), on, "flat", threads, options, std::move(own)));
  if (!is_queued) {
    one.sides.push_back(index_side("unordered_map", ours(), on, "map", "0",
                                   options, speeds(std::nullopt)));
  }
  if (options.dynamo_peer) {
    const contender peer = dynamo_peer(options, "");
    if (is_queued) {
      one.sides.push_back(index_side(
          "dynamo concurrent", peer, on, "concurrent", "1", options,
          all_figures(on.name == "conversation" ? 5 : 4, on.p99_bound)));
    } else {
      one.sides.push_back(index_side("dynamo radix", peer, on, "radix", "1",
                                     options, all_figures(4, on.p99_bound)));
    }
  }
  return one;
}

} // namespace

result<std::vector<comparison>> run_index(const run_options& options,
                                          const progress_sink& progress) {
  std::vector<turns> cases;
  for (const index_case& on : cases_of(options)) {
    for (const char* threads : {"0", "1"}) {
      cases.push_back(turns_of(on, threads, options));
    }
  }
  return run_cases(cases, options, progress);
}

} // namespace dynamo::apps
