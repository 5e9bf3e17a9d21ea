#include "dynamo/base/percent.hpp"
#include "dynamo/discovery/record.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <limits>

#include "support/catch.hpp"

namespace {

using namespace dynamo;
using nlohmann::ordered_json;

ordered_json vectors(const std::string& name) {
  std::ifstream file{std::string{DYNAMO_TEST_DATA} + "/vectors/" + name};
  REQUIRE(file.is_open());
  return ordered_json::parse(file);
}

std::string bucket_key(const record& value) {
  return std::string{path_of(bucket_of(value))} + '/' + key_of(value);
}

std::string bucket_file(const record& value) {
  return std::string{path_of(bucket_of(value))} + '/' +
         percent_encode(key_of(value), percent_keep::alphanumeric);
}

/// Every record anywhere inside a JSON value, texts of JSON included.
void collect_records(const ordered_json& value,
                     std::vector<ordered_json>& out) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (text.starts_with('{')) {
      const auto inner = ordered_json::parse(text, nullptr, false);
      if (!inner.is_discarded()) {
        collect_records(inner, out);
      }
    }
    return;
  }
  if (!value.is_structured()) {
    return;
  }
  if (value.is_object() && value.contains("type")) {
    const auto& type = value["type"];
    if (type == "EventChannel" || type == "EventSource" || type == "Endpoint" ||
        type == "Model") {
      out.push_back(value);
    }
  }
  for (const auto& element : value) {
    collect_records(element, out);
  }
}

event_channel example_channel() {
  return {scope::of_endpoint("dynamo", "backend", "generate"), "kv-events", 255,
          zmq_address{"tcp://[fd00::5]:40125"}};
}

} // namespace

TEST_CASE("the specified channels are read and written byte for byte") {
  const auto specified = vectors("discovery.json");
  for (const auto& channel : specified["channels"]) {
    const auto text = channel["json"].get<std::string>();
    const auto read = record_from_json(text);
    REQUIRE(read);
    CHECK(to_json(*read) == text);
    CHECK(bucket_key(*read) == channel["etcd_key"].get<std::string>());
    CHECK(bucket_file(*read) == channel["file"].get<std::string>());
  }
}

TEST_CASE("records of running Dynamo processes are read and written back") {
  const std::string path =
      std::string{DYNAMO_TEST_DATA} + "/vectors/captured.json";
  REQUIRE(std::filesystem::exists(path));
  std::size_t scoped = 0;
  std::size_t others = 0;
  const auto captured = vectors("captured.json");
  for (const auto& stored : captured["records"]) {
    const auto text = stored["json"].get<std::string>();
    const auto key = stored["key"].get<std::string>();
    CAPTURE(text);
    const auto read = record_from_json(text);
    REQUIRE(read);
    const bool legacy = bucket_of(*read) == bucket::event_channels &&
                        text.find("\"scope\"") == std::string::npos;
    if (const auto* channel = std::get_if<event_channel>(&*read)) {
      CHECK((channel->generation == wire_generation::v1_3) == legacy);
    }
    CHECK(to_json(*read) == text);
    CHECK(bucket_key(*read) == key);
    if (stored.contains("file") && !stored["file"].is_null()) {
      CHECK(bucket_file(*read) == stored["file"].get<std::string>());
    }
    const auto inner = key.substr(path_of(bucket_of(*read)).size() + 1);
    CHECK(is_key(bucket_of(*read), inner));
    CHECK(is_key_of(inner, *read));
    (text.find("\"scope\"") != std::string::npos ? scoped : others) += 1;
  }
  CHECK(scoped == 36);
  CHECK(scoped + others == 51);
}

TEST_CASE("records inside Kubernetes objects are read, scope before the rest") {
  std::vector<ordered_json> found;
  collect_records(vectors("kubernetes.json"), found);
  REQUIRE(found.size() > 50);
  for (const auto& stored : found) {
    const auto read = record_from_json(stored.dump());
    CAPTURE(stored.dump());
    REQUIRE(read);
    if (const auto* channel = std::get_if<event_channel>(&*read)) {
      CHECK(channel->owner.kind == (stored.contains("scope")
                                        ? scope_kind::endpoint
                                        : scope_kind::component));
      CHECK(channel->publisher_id ==
            stored["instance_id"].get<std::uint64_t>());
    }
  }
}

TEST_CASE("a record without scope is one of Dynamo 1.3") {
  const auto component = record_from_json(
      R"({"type":"EventChannel","namespace":"dynamo","component":"backend",)"
      R"("topic":"kv-events","instance_id":13742631868964583545,)"
      R"("transport":{"kind":"Zmq","config":{"endpoint":"tcp://h:1"}}})");
  REQUIRE(component);
  CHECK(std::get<event_channel>(*component).owner ==
        scope::of_component("dynamo", "backend"));
  CHECK(is_key_of("dynamo/backend/kv-events/beb7a2df8c98b879", *component));

  const auto ns = record_from_json(
      R"({"type":"EventChannel","namespace":"dynamo","component":"",)"
      R"("topic":"kv_metrics","instance_id":1,)"
      R"("transport":{"kind":"Zmq","config":{"endpoint":"tcp://h:1"}}})");
  REQUIRE(ns);
  CHECK(std::get<event_channel>(*ns).owner == scope::of_namespace("dynamo"));
  CHECK(is_key_of("dynamo//kv_metrics/1", *ns));
}

TEST_CASE("numbers of a record are exact to 64 bits") {
  event_channel channel = example_channel();
  channel.publisher_id = std::numeric_limits<std::uint64_t>::max();
  const auto read = record_from_json(to_json(channel));
  REQUIRE(read);
  CHECK(*read == record{channel});
  CHECK(id_of(*read) == channel.publisher_id);
  for (const char* number :
       {"18446744073709551616", "-1", "42.0", "1e3", "\"42\"", "null"}) {
    std::string text = to_json(example_channel());
    text.replace(text.find("255"), 3, number);
    const auto refused = record_from_json(text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::malformed);
    CHECK_THAT(refused.error().message, Catch::Contains("instance_id"));
  }
}

TEST_CASE("unknown members of a record are ignored, unknown kinds are not") {
  std::string text = to_json(example_channel());
  text.insert(1, R"("later":[{"a":"}"}, 1e999999], )");
  // The library refuses numbers that no double holds.
  CHECK_FALSE(record_from_json(text));
  text = to_json(example_channel());
  text.insert(1, R"( "later" : [{"a":"}\"]"}, 1.5e3] , )");
  CHECK(record_from_json(text));

  for (const char* known : {"EventChannel", "Zmq", "endpoint"}) {
    std::string changed = to_json(example_channel());
    const std::string quoted = '"' + std::string{known} + '"';
    changed.replace(changed.find(quoted), quoted.size(), "\"Quic\"");
    const auto refused = record_from_json(changed);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::unsupported);
    CHECK_THAT(refused.error().message, Catch::Contains("Quic"));
  }
}

TEST_CASE("record_from_json refuses every truncation of a record") {
  const std::string text = to_json(example_channel());
  for (std::size_t length = 0; length < text.size(); ++length) {
    CHECK_FALSE(record_from_json(text.substr(0, length)));
  }
}

TEST_CASE("record_from_json survives any byte at any place") {
  const std::string text = to_json(event_source{
      scope::of_component("a\"b", "r\xc3\xb6uter"), "t", 7, R"({"x":[1]})"});
  REQUIRE(record_from_json(text));
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = text;
      changed[at] = static_cast<char>(byte);
      if (const auto read = record_from_json(changed)) {
        static_cast<void>(key_of(*read));
        static_cast<void>(to_json(*read));
      }
    }
  }
}

TEST_CASE("record_from_json refuses what can be read in two ways") {
  const std::string text = to_json(example_channel());
  CHECK_FALSE(record_from_json("\xef\xbb\xbf" + text));
  CHECK_FALSE(record_from_json(text + text));
  CHECK_FALSE(record_from_json(text + "x"));
  std::string twice = text;
  twice.insert(1, R"("topic":"other",)");
  const auto refused = record_from_json(twice);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, Catch::Contains("topic"));
  CHECK(record_from_json(" \n" + text + "\n"));
}

TEST_CASE("record_from_json refuses deep nesting without recursion") {
  const std::string deep(200'000, '[');
  CHECK_FALSE(record_from_json(R"({"type":)" + deep));
  std::string source = R"({"type":"EventSource","scope":{"kind":"namespace",)"
                       R"("name":"n"},"topic":"t","publisher_id":1,)"
                       R"("metadata":)";
  const auto nested = [&](std::size_t depth) {
    return source + std::string(depth, '[') + std::string(depth, ']') + '}';
  };
  CHECK(record_from_json(nested(127)));
  CHECK_FALSE(record_from_json(nested(128)));
}

TEST_CASE("metadata keeps its bytes") {
  const std::string metadata = R"({"b":1,"a":1.50,"n":18446744073709551615})";
  const event_source source{scope::of_namespace("n"), "t", 1, metadata};
  const auto read = record_from_json(to_json(source));
  REQUIRE(read);
  CHECK(*read == record{source});
}

TEST_CASE("names are escaped as JSON demands") {
  const event_channel channel{
      scope::of_namespace("a\"\\\n\x01\x7f\xe6\x97\xa5/"), "t", 1,
      zmq_address{"e"}};
  const std::string text = to_json(channel);
  CHECK_THAT(text, Catch::Contains("\"a\\\"\\\\\\n\\u0001\x7f\xe6\x97\xa5/\""));
  CHECK(record_from_json(text));
  CHECK(check_record(channel));
}

TEST_CASE("a key is accepted only in its canonical form") {
  const auto channels = bucket::event_channels;
  CHECK(is_key(channels, "namespace/dynamo/topic/kv_metrics/2a"));
  CHECK(is_key(channels, "namespace/ns/component//endpoint/g/topic/t/1"));
  CHECK(is_key(channels, "dynamo/backend/kv-events/a8892ebf99adfcb7"));
  CHECK_FALSE(is_key(channels, "namespace/dynamo/topic/kv_metrics/2A"));
  CHECK_FALSE(is_key(channels, "namespace/dynamo/topic/kv_metrics/02a"));
  CHECK_FALSE(is_key(channels, "namespace/dynamo/topic/kv_metrics/"));
  CHECK_FALSE(is_key(channels, "namespace/a.b/topic/kv_metrics/2a"));
  CHECK_FALSE(is_key(channels, "namespace/a%2eb/topic/kv_metrics/2a"));
  CHECK_FALSE(is_key(channels, "namespace/a%ff/topic/kv_metrics/2a"));
  CHECK_FALSE(is_key(channels, "namespace/a/endpoint/b/topic/t/2a"));
  CHECK_FALSE(is_key(channels, "v1/event_channels/x"));
  CHECK_FALSE(is_key(channels, ""));
  CHECK_FALSE(is_key(bucket::event_sources, "dynamo/backend/kv-events/1"));
  CHECK(is_key(bucket::instances, "dynamo/backend/generate/1"));
  CHECK_FALSE(is_key(bucket::instances, "dynamo/backend/generate/1/x"));
  CHECK(is_key(bucket::models, "dynamo/backend/generate/1/lora/x"));
  CHECK_FALSE(is_key(bucket::models, "dynamo/backend/generate/1/"));
}

TEST_CASE("check_record refuses what would not read back as it is") {
  CHECK(check_record(example_channel()));
  const scope ns = scope::of_namespace("n");
  CHECK_FALSE(check_record(event_source{ns, "t", 1, "{"}));
  CHECK_FALSE(check_record(event_source{ns, "t\xff", 1, "{}"}));
  CHECK_FALSE(check_record(endpoint_instance{"a/b", "c", "d", 1, "{}"}));
  CHECK_FALSE(check_record(endpoint_instance{"a", "c", "d", 1, "tcp"}));
  CHECK(check_record(endpoint_instance{"a", "c", "d", 1, R"({"tcp":"x"})"}));
  CHECK(check_record(model_card{"a", "c", "d", 1, "{}", "lora"}));
}

TEST_CASE("metadata of a kv source is written and read as Dynamo's") {
  const std::string text =
      R"({"kv_state_endpoint":{"namespace":"dynamo","component":"backend",)"
      R"("name":"generate"},"worker":{"worker_id":7,"dp_rank":1},)"
      R"("publisher_id":7327959629129504})";
  const auto read = kv_source_metadata_from_json(text);
  REQUIRE(read);
  CHECK(read->worker_id == 7);
  CHECK(read->dp_rank == 1);
  CHECK(read->publisher_id == 7327959629129504);
  CHECK(to_json(*read) == text);
  CHECK_FALSE(kv_source_metadata_from_json("{}"));
  CHECK_FALSE(kv_source_metadata_from_json("[]"));
}
