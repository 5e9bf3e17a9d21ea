#include "apps/app/arguments.hpp"
#include "apps/router/flags.hpp"
#include "dynamo/config/schema.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace dynamo::apps;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using dynamo::loaded_options;

namespace {

program router() {
  program self;
  self.name = "dynamo-router";
  self.flags = router_flags();
  return self;
}

loaded_options loaded(const std::vector<std::string>& words) {
  auto parsed = parse_arguments(router(), words, {});
  if (const auto* exit = std::get_if<early_exit>(&parsed)) {
    FAIL(exit->message + exit->output);
  }
  return std::get<arguments>(std::move(parsed)).configuration;
}

dynamo::router_options options_of(const std::vector<std::string>& words) {
  return loaded(words).values.router;
}

/// The lines of doc/configuration.md that hold `name` as code.
std::vector<std::string> documented(const std::string& name) {
  std::ifstream file{std::string{DYNAMO_TEST_DATA} +
                     "/../../doc/configuration.md"};
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.find('`' + name + '`') != std::string::npos) {
      lines.push_back(line);
    }
  }
  return lines;
}

early_exit ended(const std::vector<std::string>& words) {
  auto parsed = parse_arguments(router(), words, {});
  REQUIRE(std::holds_alternative<early_exit>(parsed));
  return std::get<early_exit>(std::move(parsed));
}

} // namespace

TEST_CASE("every flag of Dynamo's cost function sets its weight") {
  const auto cost = options_of({"--router-kv-overlap-score-credit=0.9",
                                "--router-kv-overlap-score-credit-decay=2",
                                "--router-prefill-load-scale=3",
                                "--router-decode-active-request-weight=4",
                                "--router-host-cache-hit-weight=0.5",
                                "--router-disk-cache-hit-weight=0.6",
                                "--router-temperature=0.7"})
                        .cost;
  CHECK(cost.overlap_score_credit == 0.9);
  CHECK(cost.overlap_score_credit_decay == 2);
  CHECK(cost.prefill_load_scale == 3);
  CHECK(cost.decode_active_request_weight == 4);
  CHECK(cost.host_cache_hit_weight == 0.5);
  CHECK(cost.disk_cache_hit_weight == 0.6);
  CHECK(cost.temperature == 0.7);
  CHECK(options_of({"--temperature", "0.25"}).cost.temperature == 0.25);
}

TEST_CASE("the deprecated overlap weight is the scale, with a warning") {
  const loaded_options all =
      loaded({"--router-kv-overlap-score-weight", "1.5"});
  CHECK(all.values.router.cost.prefill_load_scale == 1.5);
  REQUIRE(all.warnings.size() == 1);
  CHECK(all.warnings[0] ==
        "flag --router-kv-overlap-score-weight: deprecated; use "
        "--router-prefill-load-scale");
  CHECK(loaded({"--router-prefill-load-scale", "1.5"}).warnings.empty());
}

TEST_CASE("every flag of Dynamo's prediction sets its key, in seconds") {
  const auto prediction =
      options_of({"--router-ttl-secs", "0.5", "--router-predicted-ttl-secs",
                  "2", "--router-max-tree-size", "77",
                  "--router-prune-target-ratio", "0.4"})
          .prediction;
  CHECK(prediction.ttl == 500ms);
  CHECK(prediction.beside_events_ttl == 2s);
  CHECK(prediction.tree_size_max == 77);
  CHECK(prediction.prune_target_ratio == 0.4);
  CHECK(options_of({"--router-ttl", "1.5"}).prediction.ttl == 1500ms);
  CHECK_THAT(ended({"--router-ttl-secs", "never"}).message,
             Contains("flag --router-ttl-secs: router.prediction.ttl_ms: "
                      "expected an integer from 0 to 86400000, got \"never\" "
                      "times 1000"));
}

TEST_CASE("every flag of Dynamo's queue and overload sets its key") {
  const auto given =
      options_of({"--router-queue-threshold", "4.0", "--router-queue-policy",
                  "lcfs", "--active-decode-blocks-threshold", "0.85",
                  "--active-prefill-tokens-threshold", "9000",
                  "--active-prefill-tokens-threshold-frac", "1.5"});
  CHECK(given.queue.threshold == 4);
  CHECK(given.queue.policy == dynamo::queue_policy::lcfs);
  CHECK(given.overload.decode_blocks_fraction == 0.85);
  CHECK(given.overload.prefill_tokens == 9000);
  CHECK(given.overload.prefill_tokens_fraction == 1.5);
  CHECK(ended({"--active-decode-blocks-threshold", "1.1"}).code == 2);
  CHECK(ended({"--router-queue-policy", "sjf"}).code == 2);
}

TEST_CASE("every switch of Dynamo's has both forms, and the last one counts") {
  struct row {
    const char* name;
    const char* key;
  };
  const row rows[] = {
      {"router-kv-events", "kv_events"},
      {"router-replica-sync", "router.replicas.sync"},
      {"router-track-active-blocks", "router.tracking.active_blocks"},
      {"router-track-output-blocks", "router.tracking.output_blocks"},
      {"router-track-prefill-tokens", "router.tracking.prefill_tokens"},
      {"router-assume-kv-reuse", "router.tracking.assume_kv_reuse"},
  };
  const auto all = dynamo::schema();
  for (const row& each : rows) {
    CAPTURE(each.name);
    const auto known =
        std::find_if(all.begin(), all.end(), [&](const dynamo::setting& one) {
          return one.key == each.key;
        });
    const std::string on = std::string{"--"} + each.name;
    const std::string off = std::string{"--no-"} + each.name;
    const auto value = [&](const std::vector<std::string>& words) {
      return std::get<bool>(known->read(loaded(words).values));
    };
    CHECK(value({on}));
    CHECK_FALSE(value({off}));
    CHECK_FALSE(value({on, off}));
    CHECK(value({off, on}));
  }
  CHECK_FALSE(loaded({"--no-kv-events"}).values.deployment.kv_events);
}

TEST_CASE("load-aware gives way to flags and --set wherever they stand") {
  const auto plain = loaded({"--load-aware"}).values;
  CHECK_FALSE(plain.deployment.kv_events);
  CHECK(plain.router.cost.overlap_score_credit == 0);
  CHECK_FALSE(plain.router.tracking.assume_kv_reuse);

  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--router-assume-kv-reuse", "--load-aware",
                                 "--set", "kv_events=true"},
        std::vector<std::string>{"--set", "kv_events=true", "--load-aware",
                                 "--router-assume-kv-reuse"}}) {
    const auto mixed = loaded(words).values;
    CHECK(mixed.deployment.kv_events);
    CHECK(mixed.router.tracking.assume_kv_reuse);
    CHECK(mixed.router.cost.overlap_score_credit == 0);
  }
}

TEST_CASE("router-compatibility dynamo takes all of Dynamo's losses") {
  const auto given = options_of({"--router-compatibility", "dynamo"});
  CHECK(given.index.removal == dynamo::removal_policy::cascade);
  CHECK(given.on_gap == dynamo::gap_policy::reset);
  CHECK(options_of({"--router-compatibility", "ours"}).index.removal ==
        dynamo::removal_policy::keep);
  CHECK(ended({"--router-compatibility", "theirs"}).code == 2);
}

TEST_CASE("event threads are accepted, and said to be without effect") {
  CHECK(without_effect(loaded({})).empty());
  const auto remarks = without_effect(loaded({"--router-event-threads", "8"}));
  REQUIRE(remarks.size() == 1);
  CHECK(remarks[0] == "flag --router-event-threads: router.event_threads 8 is "
                      "accepted; one thread applies events here");
  for (const char* wrong : {"0", "-1", "1.5", "many"}) {
    CAPTURE(wrong);
    CHECK(ended({"--router-event-threads", wrong}).code == 2);
  }
}

TEST_CASE("the router's --help groups Dynamo's flags within 80 columns") {
  const early_exit exit = ended({"--help"});
  CHECK(exit.code == 0);
  CHECK_THAT(exit.output,
             Contains("Dynamo's router flags (switches also as --no-...):"));
  CHECK_THAT(exit.output, Contains("--router-kv-overlap-score-credit W"));
  CHECK_THAT(exit.output, Contains("--load-aware"));
  CHECK_THAT(exit.output, !Contains("--router-kv-overlap-score-weight"));
  CHECK_THAT(exit.output, !Contains("--no-router-"));
  std::istringstream lines{exit.output};
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    CHECK(line.size() <= 80);
  }
}

TEST_CASE("every flag of the router names a key, and no two are the same") {
  const auto all = dynamo::schema();
  std::vector<std::string> names;
  for (const config_flag& each : router_flags()) {
    CAPTURE(each.flag);
    CHECK(std::any_of(all.begin(), all.end(), [&](const dynamo::setting& one) {
      return one.key == each.key;
    }));
    CHECK(each.summary.size() <= 48);
    names.push_back(each.flag);
  }
  std::sort(names.begin(), names.end());
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
}

TEST_CASE("doc/configuration.md names the key of every flag and variable") {
  const auto is_with = [](const std::string& key) {
    return [key](const std::string& line) {
      return line.find('`' + key + '`') != std::string::npos;
    };
  };
  for (const config_flag& each : router_flags()) {
    if (each.flag.starts_with("--no-") || each.flag == "--block-size") {
      continue;
    }
    CAPTURE(each.flag, each.key);
    const auto lines = documented(each.flag);
    CHECK(std::any_of(lines.begin(), lines.end(), is_with(each.key)));
  }
  for (const dynamo::setting& each : dynamo::schema()) {
    for (const std::string_view name :
         {each.notes.variable.name, each.notes.older.name}) {
      CAPTURE(name, each.key);
      const auto lines = documented(std::string{name});
      CHECK((name.empty() ||
             std::any_of(lines.begin(), lines.end(), is_with(each.key))));
    }
  }
}
