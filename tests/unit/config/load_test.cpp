#include "dynamo/config/load.hpp"
#include "dynamo/config/schema.hpp"

#include <map>
#include <optional>
#include <string>

#include "support/catch.hpp"

using namespace std::chrono_literals;
using dynamo::environment;
using dynamo::load_options;
using dynamo::load_request;

namespace {

environment variables(std::map<std::string, std::string> set) {
  return [set = std::move(set)](
             std::string_view name) -> std::optional<std::string> {
    const auto found = set.find(std::string{name});
    return found == set.end() ? std::nullopt
                              : std::optional<std::string>{found->second};
  };
}

load_request of_file(const std::string& text) {
  return {dynamo::named_text{"w.jsonc", text}, {}, {}};
}

load_request of_variable(const std::string& name, const std::string& value) {
  return {{}, variables({{name, value}}), {}};
}

load_request of_flag(const std::string& key, const std::string& value) {
  return {{}, {}, {{"--set " + key, key, value}}};
}

std::string failure_of(const load_request& request) {
  const auto loaded = load_options(request);
  REQUIRE_FALSE(loaded);
  return loaded.error().message;
}

} // namespace

TEST_CASE("load_options gives the defaults when no source says anything") {
  const auto loaded = load_options({});

  REQUIRE(loaded);
  CHECK(loaded->values.plane.transport == dynamo::transport_kind::nats);
  CHECK(loaded->values.plane.discovery.backend == dynamo::discovery_kind::etcd);
  CHECK(loaded->warnings.empty());
  CHECK(loaded->origins.size() == dynamo::schema().size());
  for (const auto& [key, origin] : loaded->origins) {
    CAPTURE(key);
    CHECK(origin == "default");
  }
}

TEST_CASE("load_options puts flag before environment before file") {
  struct row {
    const char* file;
    const char* variable;
    const char* flag;
    const char* value;
    const char* origin;
  };
  const row rows[] = {
      {nullptr, nullptr, nullptr, "dynamo", "default"},
      {"f", nullptr, nullptr, "f", "file w.jsonc:2"},
      {nullptr, "e", nullptr, "e", "environment DYN_NAMESPACE"},
      {nullptr, nullptr, "g", "g", "flag --namespace"},
      {"f", "e", nullptr, "e", "environment DYN_NAMESPACE"},
      {"f", nullptr, "g", "g", "flag --namespace"},
      {nullptr, "e", "g", "g", "flag --namespace"},
      {"f", "e", "g", "g", "flag --namespace"},
      {"f", "", nullptr, "f", "file w.jsonc:2"},
      {"f", "  ", nullptr, "f", "file w.jsonc:2"},
  };
  for (const row& each : rows) {
    CAPTURE(each.value, each.origin);
    load_request request;
    if (each.file != nullptr) {
      request =
          of_file("{\n\"namespace\": \"" + std::string{each.file} + "\"}");
    }
    if (each.variable != nullptr) {
      request.variables = variables({{"DYN_NAMESPACE", each.variable}});
    }
    if (each.flag != nullptr) {
      request.flags = {{"--namespace", "namespace", each.flag}};
    }
    const auto loaded = load_options(request);
    REQUIRE(loaded);
    CHECK(loaded->values.deployment.ns == each.value);
    CHECK(loaded->origins.at("namespace") == each.origin);
  }
}

TEST_CASE("load_options takes the last of two flags for one key") {
  load_request request = of_flag("zmq.send_hwm", "5");
  request.flags.push_back({"--set zmq.send_hwm", "zmq.send_hwm", "6"});
  const auto loaded = load_options(request);
  REQUIRE(loaded);
  CHECK(loaded->values.plane.zmq.send_hwm == 6);
}

TEST_CASE("load_options fills every kind of field from a file") {
  const auto loaded = load_options(of_file(R"({
    "event_plane": "zmq", "kv_events": false, "block_size": 512,
    "zmq": {"host": "eth0", "port_first": 5000, "port_last": 5010,
            "linger_ms": 0},
    "discovery": {"backend": "mem", "file": {"root": "/tmp/x"}},
    "wire_version": "1.3",
    "publisher": {"buffer": {"overflow": "drop_newest"}},
    "runtime": {"scheduler": "stealing"},
    "worker": {"speedup": 50, "prefill_tokens_per_second": 1.5,
               "worker_id": 18446744073709551615},
    "router": {"on_gap": "reset", "cost": {"temperature": 0.5}}
  })"));

  REQUIRE(loaded);
  const dynamo::options& all = loaded->values;
  CHECK(all.plane.transport == dynamo::transport_kind::zmq);
  CHECK_FALSE(all.deployment.kv_events);
  CHECK(all.deployment.block_size == 512);
  CHECK(all.plane.zmq.host == "eth0");
  CHECK(all.plane.zmq.port_first == 5000);
  CHECK(all.plane.zmq.port_last == 5010);
  CHECK(all.plane.zmq.linger == 0ms);
  CHECK(all.plane.discovery.backend == dynamo::discovery_kind::memory);
  CHECK(all.plane.discovery.file.root == "/tmp/x");
  CHECK(all.plane.publisher.generation == dynamo::wire_generation::v1_3);
  CHECK(all.plane.publisher.buffer.policy ==
        dynamo::overflow_policy::drop_newest);
  CHECK(all.plane.runtime.scheduler == "stealing");
  CHECK(all.worker.speedup == 50);
  CHECK(all.worker.prefill_tokens_per_second == 1.5);
  CHECK(all.worker.worker_id == 18446744073709551615U);
  CHECK(all.router.on_gap == dynamo::gap_policy::reset);
  CHECK(all.router.cost.temperature == 0.5);
}

TEST_CASE("load_options sets what the router believes, and its limits") {
  const auto loaded = load_options(of_file(R"({"router": {
    "sources": "any", "departed_ttl_ms": 1, "index": {"blocks_max": 2,
    "ranks_max": 3}, "active": {"requests_max": 4, "blocks_max": 5},
    "early": {"events_max": 6, "publishers_max": 7, "blocks_max": 8}}})"));
  REQUIRE(loaded);
  const dynamo::router_options& router = loaded->values.router;
  CHECK(router.sources == dynamo::source_policy::any);
  CHECK(router.departed_ttl == 1ms);
  CHECK(router.index.blocks_max == 2);
  CHECK(router.index.ranks_max == 3);
  CHECK(router.active.requests_max == 4);
  CHECK(router.active.blocks_max == 5);
  CHECK(router.early.events_max == 6);
  CHECK(router.early.publishers_max == 7);
  CHECK(router.early.blocks_max == 8);
}

TEST_CASE("load_options names file, line, key and what is accepted") {
  struct row {
    const char* text;
    const char* message;
  };
  const row rows[] = {
      {R"({"zmq": {
"send_hwm": "many"}})",
       "w.jsonc:2: zmq.send_hwm: expected an integer from 1 to 10000000, got "
       "\"many\""},
      {R"({"zmq": {"send_hwm": 0}})",
       "w.jsonc:1: zmq.send_hwm: expected an integer from 1 to 10000000, got "
       "0"},
      {R"({"zmq": {"send_hwm": 10000001}})",
       "w.jsonc:1: zmq.send_hwm: expected an integer from 1 to 10000000, got "
       "10000001"},
      {R"({"zmq": {"send_hwm": -1}})",
       "w.jsonc:1: zmq.send_hwm: expected an integer from 1 to 10000000, got "
       "-1"},
      {R"({"zmq": {"send_hwm": 1.0}})",
       "w.jsonc:1: zmq.send_hwm: expected an integer from 1 to 10000000, got "
       "1.0"},
      {R"({"zmq": {"send_hwm": null}})",
       "w.jsonc:1: zmq.send_hwm: expected an integer from 1 to 10000000, got "
       "null"},
      {R"({"zmq": {"send_hwm": [5]}})",
       "w.jsonc:1: zmq.send_hwm: expected an integer from 1 to 10000000, got "
       "an array"},
      {R"({"zmq": {"send_hwm": {"a": 5}}})",
       "w.jsonc:1: zmq.send_hwm: expected an integer from 1 to 10000000, got "
       "an object"},
      {R"({"zmq": 5})", "w.jsonc:1: zmq: expected an object, got 5"},
      {R"({"event_plane": "kafka"})",
       "w.jsonc:1: event_plane: expected \"nats\" or \"zmq\", got \"kafka\""},
      {R"({"event_plane": true})",
       "w.jsonc:1: event_plane: expected \"nats\" or \"zmq\", got true"},
      {R"({"kv_events": "yes"})",
       "w.jsonc:1: kv_events: expected true or false, got \"yes\""},
      {R"({"namespace": ""})",
       "w.jsonc:1: namespace: expected a text that is not empty, got \"\""},
      {R"({"worker": {"speedup": 0}})",
       "w.jsonc:1: worker.speedup: expected a number from 0.001 to 1000000.0, "
       "got 0"},
      {R"({"http": {"port": 65536}})",
       "w.jsonc:1: http.port: expected an integer from 0 to 65535, got 65536"},
      {R"({"zmq": {"linger_ms": 60001}})",
       "w.jsonc:1: zmq.linger_ms: expected an integer from 0 to 60000, got "
       "60001"},
  };
  for (const row& each : rows) {
    CHECK(failure_of(of_file(each.text)) == each.message);
  }
}

TEST_CASE("load_options refuses an unknown key and lists the known ones") {
  CHECK(failure_of(of_file("{\n\"discovery\": {\"filee\": 1}}")) ==
        "w.jsonc:2: discovery.filee: unknown key; discovery accepts backend, "
        "etcd, kubernetes, file");
  CHECK(failure_of(of_file(R"({"discovery": {"file": {"a": {"b": 1}}}})")) ==
        "w.jsonc:1: discovery.file.a: unknown key; discovery.file accepts "
        "root, rescan_ms, record_bytes_max");
  CHECK(failure_of(of_file(R"({"zmqq": {}})"))
            .starts_with("w.jsonc:1: zmqq: unknown key; the top level accepts "
                         "event_plane, wire_version, "));
  CHECK(failure_of(of_flag("log.levl", "info")) ==
        "flag --set log.levl: log.levl: unknown key; log accepts level");
}

TEST_CASE("load_options refuses a wrong file even when a flag goes before it") {
  load_request request = of_file(R"({"namespace": 5})");
  request.flags = {{"--namespace", "namespace", "x"}};
  CHECK(failure_of(request) ==
        "w.jsonc:1: namespace: expected a text that is not empty, got 5");
}

TEST_CASE("load_options names the variable that is wrong") {
  CHECK(failure_of(of_variable("DYN_EVENT_PLANE", "kafka")) ==
        "environment DYN_EVENT_PLANE: event_plane: expected \"nats\" or "
        "\"zmq\", got \"kafka\"");
  CHECK(failure_of(of_variable("DYN_DISCOVERY_BACKEND", "consul")) ==
        "environment DYN_DISCOVERY_BACKEND: discovery.backend: expected "
        "\"etcd\", \"kubernetes\", \"file\" or \"mem\", got \"consul\"");
  for (const char* wrong : {"0", "-1", "4x", "4.5", "many"}) {
    CAPTURE(wrong);
    CHECK(failure_of(of_variable("DYN_ZMQ_IO_THREADS", wrong))
              .starts_with("environment DYN_ZMQ_IO_THREADS: zmq.io_threads: "
                           "expected an integer from 1 to 1024, got "));
  }
}

TEST_CASE("load_options reads DYN_EVENT_PLANE trimmed and in any case") {
  for (const char* value : {"zmq", "ZMQ", " Zmq\n"}) {
    CAPTURE(value);
    const auto loaded = load_options(of_variable("DYN_EVENT_PLANE", value));
    REQUIRE(loaded);
    CHECK(loaded->values.plane.transport == dynamo::transport_kind::zmq);
  }
}

TEST_CASE("load_options ignores a wrong channel capacity with a warning") {
  for (const char* wrong : {"0", "-5", "many"}) {
    CAPTURE(wrong);
    const auto loaded = load_options(
        of_variable("DYN_ZMQ_EVENT_SUBSCRIBER_CHANNEL_CAPACITY", wrong));
    REQUIRE(loaded);
    CHECK(loaded->values.plane.subscriber.inbox.items_max == 100'000);
    CHECK(loaded->origins.at("subscriber.inbox.items_max") == "default");
    REQUIRE(loaded->warnings.size() == 1);
    CHECK(loaded->warnings[0].starts_with(
        "environment DYN_ZMQ_EVENT_SUBSCRIBER_CHANNEL_CAPACITY: "));
  }
  const auto loaded = load_options(
      of_variable("DYN_ZMQ_EVENT_SUBSCRIBER_CHANNEL_CAPACITY", "500"));
  REQUIRE(loaded);
  CHECK(loaded->values.plane.subscriber.inbox.items_max == 500);
}

TEST_CASE("load_options reads the variables that Dynamo names") {
  const auto loaded = load_options(
      {{},
       variables({{"DYN_EVENT_PLANE_HOST", "192.0.2.1"},
                  {"DYN_ZMQ_IO_THREADS", "4"},
                  {"DYN_ROUTER_ZMQ_ENDPOINTS_PER_SUB", "8"},
                  {"DYN_DISCOVERY_BACKEND", "file"},
                  {"DYN_FILE_KV", "/tmp/kv"},
                  {"DYN_KV_CACHE_BLOCK_SIZE", "64"},
                  {"DYN_ROUTER_KV_OVERLAP_SCORE_CREDIT", "0.5"},
                  {"DYN_ROUTER_TEMPERATURE", "1"},
                  {"DYN_ROUTER_ACTIVE_REQUEST_EXPIRY_SECS", "10"}}),
       {}});
  REQUIRE(loaded);
  const dynamo::options& all = loaded->values;
  CHECK(all.plane.zmq.host == "192.0.2.1");
  CHECK(all.plane.zmq.io_threads == 4);
  CHECK(all.plane.zmq.endpoints_per_socket == 8);
  CHECK(all.plane.discovery.backend == dynamo::discovery_kind::file);
  CHECK(all.plane.discovery.file.root == "/tmp/kv");
  CHECK(all.deployment.block_size == 64);
  CHECK(all.router.cost.overlap_score_credit == 0.5);
  CHECK(all.router.cost.temperature == 1);
  CHECK(all.router.request_ttl == 10s);
}

TEST_CASE("load_options refuses a scaled variable beyond its range") {
  CHECK(failure_of(of_variable("DYN_ROUTER_ACTIVE_REQUEST_EXPIRY_SECS",
                               "18446744073709551615")) ==
        "environment DYN_ROUTER_ACTIVE_REQUEST_EXPIRY_SECS: "
        "router.request_ttl_ms: expected an integer from 1 to 86400000, got "
        "18446744073709551615 times 1000");
}

TEST_CASE("load_options takes brokers by url, or those of discovery") {
  const auto by_url = load_options(
      of_variable("DYN_ZMQ_BROKER_URL", "xsub=tcp://a:1,xpub=tcp://a:2"));
  REQUIRE(by_url);
  const auto& broker = by_url->values.plane.zmq.broker;
  CHECK(broker.url == "xsub=tcp://a:1,xpub=tcp://a:2");
  CHECK(broker.is_used());
  CHECK_FALSE(broker.enabled);
  for (const char* truth : {"1", "true", "ON", " yes "}) {
    CAPTURE(truth);
    const auto found =
        load_options(of_variable("DYN_ZMQ_BROKER_ENABLED", truth));
    REQUIRE(found);
    CHECK(found->values.plane.zmq.broker.enabled);
  }
  for (const char* no : {"false", "0", ""}) {
    CAPTURE(no);
    const auto none = load_options(of_variable("DYN_ZMQ_BROKER_ENABLED", no));
    REQUIRE(none);
    CHECK_FALSE(none->values.plane.zmq.broker.is_used());
  }
}

TEST_CASE("load_options reads the text of flags by the type of their key") {
  CHECK(load_options(of_flag("kv_events", "false")));
  CHECK(load_options(of_flag("kv_events", "1")));
  CHECK(load_options(of_flag("worker.speedup", "2")));
  CHECK(load_options(of_flag("worker.speedup", "2.5e1")));
  CHECK(load_options(of_flag("namespace", "17")));
  CHECK(failure_of(of_flag("kv_events", "maybe")) ==
        "flag --set kv_events: kv_events: expected true or false (or "
        "1, on, yes, 0, off, no), got \"maybe\"");
  CHECK(failure_of(of_flag("worker.speedup", "nan"))
            .starts_with("flag --set worker.speedup: worker.speedup: expected "
                         "a number"));
  CHECK(failure_of(of_flag("zmq.send_hwm", ""))
            .ends_with("expected an integer from 1 to 10000000, got \"\""));
}

TEST_CASE("load_options cuts a long value in its message") {
  const std::string message =
      failure_of(of_flag("event_plane", std::string(5000, 'x')));
  CHECK(message.size() < 200);
}

TEST_CASE("load_options refuses settings that contradict each other") {
  CHECK(failure_of(of_file("{\"zmq\": {\"port_first\": 5000,\n"
                           "\"port_last\": 4000}}")) ==
        "file w.jsonc:2: zmq.port_last: expected a port from zmq.port_first "
        "(5000) on, or 0 for both, got 4000");
  CHECK_FALSE(load_options(of_flag("zmq.port_first", "5000")));
  CHECK_FALSE(load_options(of_flag("zmq.port_last", "5000")));
  CHECK(failure_of(of_flag("reconnect.delay_max_ms", "5")) ==
        "flag --set reconnect.delay_max_ms: reconnect.delay_max_ms: expected "
        "at least reconnect.delay_initial_ms (100), got 5");
}

TEST_CASE("read_config_file says why it cannot read") {
  const auto missing = dynamo::read_config_file("/nonexistent/w.jsonc");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == dynamo::errc::not_found);
  CHECK(missing.error().message ==
        "cannot read /nonexistent/w.jsonc: No such file or directory");

  const auto folder = dynamo::read_config_file("/");
  REQUIRE_FALSE(folder);
  CHECK(folder.error().message == "cannot read /: Is a directory");
}
