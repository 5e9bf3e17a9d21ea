#include "apps/app/arguments.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.hpp"

using Catch::Matchers::Contains;
using dynamo::apps::arguments;
using dynamo::apps::early_exit;
using dynamo::apps::output_mode;
using dynamo::apps::parse_arguments;
using dynamo::apps::program;

namespace {

program probe() {
  program self;
  self.name = "dynamo-probe";
  self.summary = "Tries the flags.";
  self.examples = "  dynamo-probe --event-plane zmq\n";
  self.flags = {{"--worker-id", "worker.worker_id", "ID", "The worker's id"}};
  return self;
}

arguments accepted(const std::vector<std::string>& words,
                   const program& self = probe()) {
  auto parsed = parse_arguments(self, words, {});
  if (const auto* exit = std::get_if<early_exit>(&parsed)) {
    FAIL(exit->message + exit->output);
  }
  return std::get<arguments>(std::move(parsed));
}

early_exit ended(const std::vector<std::string>& words,
                 const program& self = probe()) {
  auto parsed = parse_arguments(self, words, {});
  REQUIRE(std::holds_alternative<early_exit>(parsed));
  return std::get<early_exit>(std::move(parsed));
}

} // namespace

TEST_CASE("parse_arguments without words gives the defaults") {
  const arguments given = accepted({});
  CHECK(given.output == output_mode::readable);
  CHECK(given.configuration.origins.at("event_plane") == "default");
}

TEST_CASE("parse_arguments sets the key of each flag") {
  const arguments given = accepted({"--event-plane",
                                    "zmq",
                                    "--no-kv-events",
                                    "--discovery=file",
                                    "--file-root",
                                    "/tmp/kv",
                                    "--namespace",
                                    "ns",
                                    "--component",
                                    "c",
                                    "--endpoint",
                                    "e",
                                    "--http",
                                    "0.0.0.0:8080",
                                    "--log-level",
                                    "debug",
                                    "--json",
                                    "--worker-id",
                                    "7",
                                    "--set",
                                    "zmq.send_hwm=9",
                                    "--set",
                                    "zmq.host=a=b"});

  const dynamo::options& all = given.configuration.values;
  CHECK(given.output == output_mode::json_lines);
  CHECK(all.plane.transport == dynamo::transport_kind::zmq);
  CHECK_FALSE(all.deployment.kv_events);
  CHECK(all.plane.discovery.backend == dynamo::discovery_kind::file);
  CHECK(all.plane.discovery.file.root == "/tmp/kv");
  CHECK(all.deployment.ns == "ns");
  CHECK(all.deployment.component == "c");
  CHECK(all.deployment.endpoint == "e");
  CHECK(all.http.host == "0.0.0.0");
  CHECK(all.http.port == 8080);
  CHECK(all.log.level == "debug");
  CHECK(all.worker.worker_id == 7);
  CHECK(all.plane.zmq.send_hwm == 9);
  CHECK(all.plane.zmq.host == "a=b");
  const auto& origins = given.configuration.origins;
  CHECK(origins.at("event_plane") == "flag --event-plane");
  CHECK(origins.at("kv_events") == "flag --no-kv-events");
  CHECK(origins.at("zmq.host") == "flag --set zmq.host");
}

TEST_CASE("parse_arguments lets a flag of its own go before --set") {
  const arguments given =
      accepted({"--namespace", "a", "--set", "namespace=b"});
  CHECK(given.configuration.values.deployment.ns == "a");
}

TEST_CASE("parse_arguments takes the later of two flags for one key") {
  program self = probe();
  self.flags.push_back({"--on", "kv_events", "", "On", "true"});
  const auto kv_events = [&](const std::vector<std::string>& words) {
    return accepted(words, self).configuration.values.deployment.kv_events;
  };
  CHECK(kv_events({"--no-kv-events", "--on"}));
  CHECK_FALSE(kv_events({"--on", "--no-kv-events"}));
  CHECK(accepted({"--worker-id", "7", "--worker-id", "8"})
            .configuration.values.worker.worker_id == 8);
}

TEST_CASE("parse_arguments reads a flag in another unit than its key") {
  program self = probe();
  self.flags.push_back({"--lingering", "zmq.linger_ms", "SECONDS", "How long",
                        std::nullopt, 1000});
  CHECK(accepted({"--lingering", "0.25"}, self)
            .configuration.values.plane.zmq.linger ==
        std::chrono::milliseconds{250});
}

TEST_CASE("parse_arguments warns of a deprecated flag and takes it") {
  program self = probe();
  self.flags.push_back({"--id", "worker.worker_id", "ID", "Old", std::nullopt,
                        1, dynamo::apps::hidden_flag, "--worker-id"});
  const arguments given = accepted({"--id", "9"}, self);
  CHECK(given.configuration.values.worker.worker_id == 9);
  REQUIRE(given.configuration.warnings.size() == 1);
  CHECK(given.configuration.warnings[0] ==
        "flag --id: deprecated; use --worker-id");
  CHECK_THAT(ended({"--help"}, self).output, !Contains("--id ID"));
}

TEST_CASE("parse_arguments reads an IPv6 address for --http") {
  const arguments given = accepted({"--http", "[::1]:0"});
  CHECK(given.configuration.values.http.host == "::1");
}

TEST_CASE("parse_arguments ends with 2 and the flag's name on a mistake") {
  struct row {
    std::vector<std::string> words;
    const char* message;
  };
  const row rows[] = {
      {{"--event-plan", "zmq"}, "dynamo-probe: "},
      {{"--event-plane"}, "--event-plane"},
      {{"--event-plane", ""},
       "flag --event-plane: event_plane: expected \"nats\" or \"zmq\", got "
       "\"\"\n"},
      {{"--event-plane="}, "--event-plane"},
      {{"extra"}, "extra"},
      {{"--event-plane", "kafka"},
       "dynamo-probe: flag --event-plane: event_plane: expected \"nats\" or "
       "\"zmq\", got \"kafka\"\n"},
      {{"--set", "zmq.hots=1"}, "flag --set zmq.hots: zmq.hots: unknown key"},
      {{"--set", "zmq"}, "flag --set: expected KEY=VALUE, got \"zmq\""},
      {{"--set", "nats.password:hunter2"},
       "flag --set: expected KEY=VALUE, got \"nats.password\"\n"},
      {{"--http", "8080"}, "flag --http: expected HOST:PORT, got \"8080\""},
      {{"--http", "::1:80"}, "flag --http: expected HOST:PORT"},
      {{"--http", "a:b"}, "flag --http: http.port: expected an integer"},
      {{"--config", "/nonexistent.jsonc"},
       "cannot read /nonexistent.jsonc: No such file or directory"},
      {{"--worker-id", "x"}, "flag --worker-id: worker.worker_id: expected"},
  };
  for (const row& each : rows) {
    const early_exit exit = ended(each.words);
    CHECK(exit.code == 2);
    CHECK(exit.output.empty());
    CHECK_THAT(exit.message, Contains(each.message));
  }
}

TEST_CASE("parse_arguments reads the file that --config names") {
  const std::string file =
      std::string{DYNAMO_TEST_DATA} + "/../../configs/worker.jsonc";
  const arguments given = accepted({"--config", file});
  CHECK(given.configuration.values.plane.transport ==
        dynamo::transport_kind::zmq);
  CHECK_THAT(given.configuration.origins.at("event_plane"),
             Contains("worker.jsonc:"));
}

TEST_CASE("--help is at most 80 columns wide and ends with the examples") {
  const early_exit exit = ended({"--help"});
  CHECK(exit.code == 0);
  CHECK_THAT(exit.output, Contains("--print-config") &&
                              Contains("--worker-id ID") &&
                              Contains("--http HOST:PORT"));
  CHECK_THAT(exit.output, Catch::Matchers::EndsWith("Examples:\n  dynamo-probe "
                                                    "--event-plane zmq\n\n"));
  std::istringstream lines{exit.output};
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    CHECK(line.size() <= 80);
  }
}

TEST_CASE("--http is unknown to a program without an HTTP face") {
  program self = probe();
  self.http = dynamo::apps::http_face_use::none;
  CHECK(ended({"--http", "127.0.0.1:0"}, self).code == 2);
}

TEST_CASE("--version prints name and version") {
  const early_exit exit = ended({"--version"});
  CHECK(exit.code == 0);
  CHECK_THAT(exit.output, Contains("dynamo-probe 0."));
}

TEST_CASE("--print-config prints the configuration that is in force") {
  const early_exit exit = ended({"--print-config", "--event-plane", "zmq"});
  CHECK(exit.code == 0);
  CHECK_THAT(exit.output,
             Contains("\"event_plane\": \"zmq\", // flag --event-plane"));
}

TEST_CASE("--print-config refuses a wrong configuration") {
  CHECK(ended({"--print-config", "--event-plane", "x"}).code == 2);
}

TEST_CASE("common flags may stand behind a program's own subcommand") {
  program self = probe();
  std::string topic;
  self.add_arguments = [&](CLI::App& app) {
    app.add_subcommand("tail", "Events as they come")
        ->add_option("topic", topic, "Only this topic");
    app.require_subcommand(1);
  };
  const arguments given =
      accepted({"tail", "kv-events", "--event-plane", "zmq"}, self);
  CHECK(topic == "kv-events");
  CHECK(given.configuration.values.plane.transport ==
        dynamo::transport_kind::zmq);
  CHECK(ended({}, self).code == 2);
  CHECK(ended({"tail", "--help"}, self).code == 0);
}
