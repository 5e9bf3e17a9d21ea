#include "apps/app/application.hpp"
#include "apps/loadgen/cluster_client.hpp"
#include "apps/loadgen/cluster_watch.hpp"
#include "apps/loadgen/policy.hpp"
#include "apps/loadgen/progress.hpp"
#include "apps/loadgen/replay.hpp"
#include "apps/loadgen/report.hpp"
#include "apps/loadgen/trace.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

namespace dynamo::apps {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds drain_after_stop{200};

/// The flags that are no part of the configuration.
struct loadgen_flags {
  std::string router;
  std::string trace;
  std::vector<std::string> policies;
  trace_range range;
  std::optional<double> speed;
  std::string send = "tokens";
  std::size_t concurrency_max = 256;
  std::uint64_t seed = 1;
  std::uint64_t wait_ms = 10'000;
  std::uint64_t timeout_ms = 60'000;
  std::uint64_t drain_ms = 10'000;
  bool progress_json = false;
};

constexpr const char* examples =
    R"(  dynamo-loadgen --router http://127.0.0.1:8080 --requests 1000 \
    --trace traces/conversation_trace.jsonl --policy round_robin,kv

Each policy replays the same requests, one policy after the other. So that none
finds what another left in the caches, a policy adds a number of its own to the
block numbers of the trace: kv 0, round_robin 2^21, random 2 * 2^21. Token j of
the block with number h is (512 h + j) mod 2^32. A second run of a policy finds
what the first one left.)";

/// A check that --help does not spell out, to keep to its columns.
CLI::Validator without_name(CLI::Validator check) {
  return check.description("");
}

void add_flags(CLI::App& app, loadgen_flags& to) {
  constexpr std::uint64_t hour_ms = 3'600'000;
  app.add_option("--router", to.router, "The router's HTTP face")
      ->type_name("URL");
  app.add_option("--trace", to.trace, "Trace of requests, JSON lines")
      ->type_name("FILE");
  app.add_option("--policy", to.policies,
                 "kv, round_robin, random; a list, or repeated")
      ->type_name("LIST")
      ->allow_extra_args(false);
  app.add_option("--skip", to.range.skip, "Requests to leave out at the start")
      ->type_name("N");
  app.add_option("--requests", to.range.count, "At most so many; 0: all")
      ->type_name("N");
  app.add_option("--speed", to.speed,
                 "Trace seconds per second; default: speedup")
      ->type_name("FACTOR")
      ->check(without_name(CLI::Range(1e-3, 1e6)));
  app.add_option("--send", to.send, "Prompts travel as tokens or hashes")
      ->type_name("FORM")
      ->check(without_name(CLI::IsMember({"tokens", "hashes"})));
  app.add_option("--concurrency-max", to.concurrency_max,
                 "Requests in flight, 256; others are late")
      ->type_name("N")
      ->check(without_name(CLI::Range(std::size_t{1}, std::size_t{4096})));
  app.add_option("--seed", to.seed, "Of the policy random")->type_name("N");
  app.add_option("--wait-ms", to.wait_ms, "For the first worker, 10000")
      ->type_name("MS")
      ->check(without_name(CLI::Range(std::uint64_t{0}, hour_ms)));
  app.add_option("--timeout-ms", to.timeout_ms,
                 "For the next line of an answer, 60000")
      ->type_name("MS")
      ->check(without_name(CLI::Range(std::uint64_t{1}, hour_ms)));
  app.add_option("--drain-ms", to.drain_ms,
                 "For events under way at the end, 10000")
      ->type_name("MS")
      ->check(without_name(CLI::Range(std::uint64_t{0}, hour_ms)));
  app.add_flag("--progress-json", to.progress_json,
               "Progress as JSON lines on stderr");
}

program self(loadgen_flags& flags) {
  program self;
  self.name = "dynamo-loadgen";
  self.summary = "Replays a request trace against a router and its workers.";
  self.examples = examples;
  self.http = http_face_use::none;
  self.flags = {{"--block-size", "block_size", "N", "Tokens per block"}};
  self.add_arguments = [&flags](CLI::App& app) { add_flags(app, flags); };
  return self;
}

/// Policies stay apart only as long as the trace's numbers are small.
status check_ids(const std::vector<trace_request>& trace,
                 std::size_t policies) {
  for (const trace_request& request : trace) {
    for (const std::uint64_t id : request.block_ids) {
      if (id >= policy_id_stride && policies > 1) {
        return error{errc::invalid,
                     "flag --policy: expected one policy for a trace with "
                     "block numbers from " +
                         std::to_string(policy_id_stride) + ", got " +
                         std::to_string(policies)};
      }
    }
  }
  return ok();
}

progress_style style_of(const loadgen_flags& flags, output_mode mode) {
  if (flags.progress_json) {
    return progress_style::json;
  }
  if (mode == output_mode::json_lines) {
    return progress_style::text;
  }
  return ::isatty(STDERR_FILENO) == 1 ? progress_style::bar
                                      : progress_style::silent;
}

replay_options options_of(const loadgen_flags& flags, const options& settings,
                          policy_kind policy) {
  replay_options chosen;
  chosen.policy = policy;
  chosen.prompt.form =
      flags.send == "hashes" ? prompt_form::hashes : prompt_form::tokens;
  chosen.prompt.block_size = settings.deployment.block_size;
  chosen.prompt.id_shift = id_shift_of(policy);
  chosen.speed = flags.speed.value_or(settings.worker.speedup);
  chosen.concurrency_max = flags.concurrency_max;
  chosen.seed = flags.seed;
  return chosen;
}

status play(application& app, const loadgen_flags& flags,
            const std::vector<policy_kind>& policies,
            const std::vector<trace_request>& trace) {
  const stop_wait stopped = [&app](milliseconds timeout) {
    return app.wait_for_stop(timeout);
  };
  replay_report report;
  report.requests = trace.size();
  infinite_cache ideal{app.settings().deployment.block_size};
  for (const trace_request& each : trace) {
    ideal.ask(each);
  }
  report.ideal = ideal.counts();

  cluster_client cluster{flags.router, milliseconds{flags.timeout_ms}};
  cluster_watch watch{cluster};
  const status found =
      watch.wait_for_ranks(milliseconds{flags.wait_ms}, stopped);
  if (!found && !app.stopping()) {
    return found;
  }
  for (const policy_kind policy : policies) {
    if (app.stopping()) {
      break;
    }
    progress shown{style_of(flags, app.out().mode()), to_string(policy),
                   trace.size(), stderr};
    replay played{cluster, watch, trace,
                  options_of(flags, app.settings(), policy), stopped};
    report.policies.push_back(
        played.run([&shown](std::size_t done) { shown.show(done); }));
    if (played.last_failure()) {
      app.log().warn("{}: {} requests failed, the last one: {}",
                     to_string(policy), report.policies.back().failed,
                     played.last_failure()->message);
    }
  }
  report.is_interrupted = app.stopping();
  report.streams = watch.settle(app.stopping() ? drain_after_stop
                                               : milliseconds{flags.drain_ms});
  app.out().line(app.out().mode() == output_mode::readable ? to_text(report)
                                                           : to_json(report));
  return ok();
}

status load(application& app, const loadgen_flags& flags) {
  if (flags.router.empty() || flags.trace.empty()) {
    return error{errc::invalid, "expected the flags --router and --trace"};
  }
  const auto policies = parse_policies(
      flags.policies.empty() ? std::vector<std::string>{"kv"} : flags.policies);
  if (!policies) {
    return policies.error();
  }
  const auto trace = read_trace_file(flags.trace, flags.range);
  if (!trace) {
    return trace.error();
  }
  const status apart = check_ids(*trace, policies->size());
  if (!apart) {
    return apart;
  }
  return play(app, flags, *policies, *trace);
}

} // namespace

} // namespace dynamo::apps

int main(int argc, char** argv) {
  dynamo::apps::loadgen_flags flags;
  return dynamo::apps::run(dynamo::apps::self(flags), argc, argv,
                           [&flags](dynamo::apps::application& app) {
                             return dynamo::apps::load(app, flags);
                           });
}
