#include "apps/loadgen/flags.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace dynamo::apps {

namespace {

constexpr std::uint64_t hour_ms = 3'600'000;

constexpr const char* examples =
    R"(  dynamo-loadgen --router http://127.0.0.1:8080 --requests 1000 \
    --trace traces/conversation_trace.jsonl --policy round_robin,kv
  dynamo-loadgen --router http://127.0.0.1:8080 \
    --router http://127.0.0.1:8081 --predict-router http://127.0.0.1:8082 \
    --trace traces/conversation_trace.jsonl --policy kv,kv_replicas,predict

Each policy replays the same requests, one policy after the other, and each
begins with empty caches (POST /clear of the workers) and block numbers of its
own. Token j of the block with number h is (512 h + j) mod 2^32, where a policy
adds to h: kv 0, round_robin 2^20, random 2 * 2^20, predict 3 * 2^20,
kv_replicas 4 * 2^20.)";

/// A check that --help does not spell out, to keep to its columns.
CLI::Validator without_name(CLI::Validator check) {
  return check.description("");
}

void add_cluster(CLI::App& app, loadgen_flags& to) {
  app.add_option("--router", to.routers,
                 "A router's HTTP face; repeated: replicas")
      ->type_name("URL")
      ->allow_extra_args(false);
  app.add_option("--predict-router", to.predict_router,
                 "One without kv-events, for predict")
      ->type_name("URL");
  app.add_option("--policy", to.policies,
                 "kv, kv_replicas, predict, round_robin,\n"
                 "random; a list, or repeated")
      ->type_name("LIST")
      ->allow_extra_args(false);
  app.add_flag("--keep-caches", to.keep_caches,
               "Policies begin with what is there");
  app.add_flag("--no-ideal", to.no_ideal, "Leave out what caches could do");
  app.add_flag("--output-blocks", to.output_blocks,
               "Tell routers of each block generated");
}

void add_trace(CLI::App& app, loadgen_flags& to) {
  app.add_option("--trace", to.trace, "Trace of requests, JSON lines")
      ->type_name("FILE");
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
}

void add_limits(CLI::App& app, loadgen_flags& to) {
  app.add_option("--concurrency-max", to.concurrency_max,
                 "Requests in flight, 256; others are late")
      ->type_name("N")
      ->check(without_name(CLI::Range(std::size_t{1}, std::size_t{4096})));
  app.add_option("--seed", to.seed, "Of the policy random")->type_name("N");
  app.add_option("--wait-ms", to.wait_ms,
                 "For the first worker, for empty caches")
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

bool has(const std::vector<policy_kind>& policies, policy_kind kind) {
  return std::find(policies.begin(), policies.end(), kind) != policies.end();
}

} // namespace

program loadgen_program(loadgen_flags& flags) {
  program self;
  self.name = "dynamo-loadgen";
  self.summary = "Replays a request trace against routers and their workers.";
  self.examples = examples;
  self.http = http_face_use::none;
  self.flags = {{"--block-size", "block_size", "N", "Tokens per block"}};
  self.add_arguments = [&flags](CLI::App& app) {
    add_cluster(app, flags);
    add_trace(app, flags);
    add_limits(app, flags);
  };
  return self;
}

result<std::vector<policy_kind>> policies_of(const loadgen_flags& flags) {
  if (flags.routers.empty() || flags.trace.empty()) {
    return error{errc::invalid, "expected the flags --router and --trace"};
  }
  auto policies = parse_policies(
      flags.policies.empty() ? std::vector<std::string>{"kv"} : flags.policies);
  if (!policies) {
    return policies;
  }
  if (has(*policies, policy_kind::predict) && flags.predict_router.empty()) {
    return error{errc::invalid,
                 "policy predict: expected the flag --predict-router"};
  }
  if (has(*policies, policy_kind::kv_replicas) && flags.routers.size() < 2) {
    return error{errc::invalid,
                 "policy kv_replicas: expected the flag --router at least "
                 "twice"};
  }
  return policies;
}

} // namespace dynamo::apps
