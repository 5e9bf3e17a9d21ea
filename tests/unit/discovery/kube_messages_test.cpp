#include "dynamo/discovery/kube_messages.hpp"

#include <fstream>

#include "support/catch.hpp"

namespace {

using namespace dynamo;
using nlohmann::json;

json vectors() {
  std::ifstream file{std::string{DYNAMO_TEST_DATA} +
                     "/vectors/kubernetes.json"};
  REQUIRE(file.is_open());
  return json::parse(file);
}

/// The records of what a process applied, as we read and write them.
kube_records records_in(const json& data) {
  kube_records records;
  for (const bucket where : buckets) {
    const std::string map{kube_map_of(where)};
    if (!data.contains(map) || data[map].is_null()) {
      continue;
    }
    for (const auto& [key, value] : data[map].items()) {
      const auto read = record_from_json(value.dump());
      CAPTURE(value.dump());
      REQUIRE(read);
      CHECK(key_of(*read) == key);
      records[where].emplace(key, kube_value_of(*read));
    }
  }
  return records;
}

kube_identity identity_in(const json& metadata) {
  const json& owner = metadata["ownerReferences"][0];
  return {owner["name"].get<std::string>(), owner["uid"].get<std::string>(),
          "dynamo", metadata["name"].get<std::string>()};
}

} // namespace

TEST_CASE("an apply is what Dynamo sends for the same records") {
  std::size_t compared = 0;
  const json recorded = vectors();
  for (const json& apply : recorded["applies"]) {
    if (apply["dynamo"] == "1.3.1") {
      continue;
    }
    CAPTURE(apply["what"].get<std::string>());
    const json& request = apply["request"];
    const std::string body = kube_apply_body(
        identity_in(request["metadata"]), records_in(request["spec"]["data"]));
    CHECK(json::parse(body) == request);
    ++compared;
  }
  CHECK(compared == 14);
}

TEST_CASE("a stored object has its owner and every record") {
  const json recorded = vectors();
  for (const json& apply : recorded["applies"]) {
    const json& stored = apply["response"];
    const kube_object found = kube_object_from(stored);
    CHECK(found.name == stored["metadata"]["name"].get<std::string>());
    CHECK(found.version ==
          stored["metadata"]["resourceVersion"].get<std::string>());
    REQUIRE(found.pod_uids.size() == 1);
    CHECK(found.pod_uids[0] == stored["metadata"]["ownerReferences"][0]["uid"]);
    CHECK(found.has_data);
    for (const bucket where : buckets) {
      const json& data = stored["spec"]["data"];
      const std::string map{kube_map_of(where)};
      const std::size_t expected =
          data.contains(map) && data[map].is_object() ? data[map].size() : 0;
      const auto records = found.records.find(where);
      CHECK((records == found.records.end() ? 0 : records->second.size()) ==
            expected);
    }
  }
}

TEST_CASE("every recorded line of a watch is read") {
  std::map<std::string, std::size_t> types;
  std::size_t ready = 0;
  const json recorded = vectors();
  for (const json& watch : recorded["watches"]) {
    for (const json& line : watch["lines"]) {
      const auto event = kube_watch_event_from(line.get<std::string>());
      REQUIRE(event);
      ++types[event->type];
      ready += ready_in_slice(event->object).size();
      ready += ready_in_pod(event->object, "main").size();
      if (event->type == "BOOKMARK") {
        CHECK_FALSE(kube_version_of(event->object).empty());
        CHECK(kube_name_of(event->object).empty());
      }
    }
  }
  CHECK(types["ERROR"] == 1);
  CHECK(types["BOOKMARK"] >= 8);
  CHECK(types["ADDED"] >= 6);
  CHECK(ready > 0);
}

TEST_CASE("an error within a watch has its code") {
  const auto event = kube_watch_event_from(
      R"({"type":"ERROR","object":{"kind":"Status","status":"Failure",)"
      R"_("message":"too old resource version: 5 (326)","code":410}})_");
  REQUIRE(event);
  CHECK(event->code == 410);
  CHECK(event->message == "too old resource version: 5 (326)");
  CHECK_FALSE(kube_watch_event_from("{}"));
  CHECK_FALSE(kube_watch_event_from("{\"type\":\"ADD"));
  CHECK_FALSE(kube_watch_event_from("[]"));
}

TEST_CASE("lists come in pages") {
  std::size_t pages = 0;
  const json recorded = vectors();
  for (const json& list : recorded["lists"]) {
    const auto page = kube_page_from(list["text"].get<std::string>());
    REQUIRE(page);
    CHECK_FALSE(page->version.empty());
    CHECK(page->items.is_array());
    pages += page->next.empty() ? 0 : 1;
  }
  CHECK(pages == 1);
  CHECK_FALSE(kube_page_from("<html>"));
  CHECK_FALSE(kube_page_from("{}"));
}

TEST_CASE("failures are told in the server's words") {
  const json recorded = vectors();
  for (const json& answer : recorded["answers"]) {
    const int status = answer["status"].get<int>();
    if (status < 400) {
      continue;
    }
    const auto text = answer["text"].get<std::string>();
    const std::string reason = reason_of(status, text);
    CHECK(reason.find(json::parse(text)["message"].get<std::string>()) !=
          std::string::npos);
    CHECK((reason.find("Role") != std::string::npos) == (status == 403));
  }
  CHECK(reason_of(502, "<html>") == "HTTP status 502");
}

TEST_CASE("what an API server leaves out is empty") {
  for (const char* text :
       {"null", "{}", "[]", R"({"metadata":null,"spec":null})",
        R"({"metadata":{"name":7,"ownerReferences":null},"spec":{"data":[]}})",
        R"({"endpoints":null,"status":{"containerStatuses":null}})",
        R"({"endpoints":[{"conditions":null},null,7],"status":[]})"}) {
    const json object = json::parse(text);
    CHECK(kube_object_from(object).name.empty());
    CHECK_FALSE(kube_object_from(object).has_data);
    CHECK(ready_in_slice(object).empty());
    CHECK(ready_in_pod(object, "main").empty());
  }
  const kube_object nulls = kube_object_from(json::parse(
      R"({"metadata":{"name":"w"},"spec":{"data":{"endpoints":null}}})"));
  CHECK(nulls.has_data);
  CHECK(nulls.records.empty());
}

TEST_CASE("only what is said to be ready is, with a name and a uid") {
  const json slice = json::parse(R"({"endpoints":[
    {"conditions":{"ready":true},"targetRef":{"name":"a","uid":"1"}},
    {"conditions":{"ready":false},"targetRef":{"name":"b","uid":"2"}},
    {"conditions":{},"targetRef":{"name":"c","uid":"3"}},
    {"conditions":{"ready":true},"targetRef":{"name":"d"}},
    {"conditions":{"ready":true}}]})");
  CHECK(ready_in_slice(slice) == std::vector<kube_ready>{{"a", "1"}});
  const json pod = json::parse(R"({"metadata":{"name":"p","uid":"9"},
    "status":{"containerStatuses":[{"name":"main","ready":true},
      {"name":"b","ready":true},{"name":"c","ready":false}]}})");
  CHECK(ready_in_pod(pod, "main") ==
        std::vector<kube_ready>{{"p", "9"}, {"p-b", "9"}});
}

TEST_CASE("numbers that an API server rounds are refused") {
  CHECK(check_kube_numbers(R"({"a":9007199254740991,"b":[1.5,-1]})"));
  for (const char* text :
       {R"({"instance_id":9007199254740992})",
        R"({"metadata":{"worker":{"worker_id":18446744073709551615}}})",
        R"({"a":[-9007199254740992]})"}) {
    const status checked = check_kube_numbers(text);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == errc::invalid);
  }
  CHECK(check_kube_numbers(R"({"m":{"id":9007199254740993}})")
            .error()
            .message.find("record.m.id") != std::string::npos);
}
