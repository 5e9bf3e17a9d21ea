#include "dynamo/events/scope.hpp"
#include "dynamo/events/topic.hpp"

#include <utility>

#include "support/catch.hpp"

using namespace dynamo;

TEST_CASE("subject_of names a namespace, a component and an endpoint") {
  CHECK(subject_of(scope::of_namespace("dynamo"), "kv-events") ==
        "namespace.dynamo.kv-events");
  CHECK(subject_of(scope::of_component("dynamo", "backend"), "kv-events") ==
        "namespace.dynamo.component.backend.kv-events");
  CHECK(subject_of(scope::of_endpoint("dynamo", "backend", "generate"),
                   "kv_metrics") ==
        "namespace.dynamo.component.backend.endpoint.generate.kv_metrics");
}

TEST_CASE("subject_of encodes every name by Dynamo's table") {
  using pair = std::pair<const char*, const char*>;
  for (const auto& [name, encoded] :
       {pair{"kv-events", "kv-events"},
        pair{"kv.events/*", "kv%2Eevents%2F%2A"},
        pair{"generate.>", "generate%2E%3E"}, pair{"ns.one", "ns%2Eone"},
        pair{"worker/*", "worker%2F%2A"}, pair{"a b", "a%20b"},
        pair{"\xe6\x97\xa5", "%E6%97%A5"}}) {
    const std::string once{encoded};
    CHECK(subject_of(scope::of_endpoint(name, name, name), name) ==
          "namespace." + once + ".component." + once + ".endpoint." + once +
              '.' + once);
  }
}

TEST_CASE("subject_of gives Dynamo's example") {
  CHECK(subject_of(scope::of_component("ns.one", "worker/*"), "test-topic") ==
        "namespace.ns%2Eone.component.worker%2F%2A.test-topic");
}

TEST_CASE("subject_of leaves an empty name empty") {
  CHECK(subject_of(scope::of_component("", ""), "") ==
        "namespace..component..");
}

TEST_CASE("subject_prefix_of is the subject without its topic") {
  const scope owner = scope::of_endpoint("a.b", "c", "d");
  CHECK(subject_prefix_of(owner) + ".kv-events" ==
        subject_of(owner, "kv-events"));
}

TEST_CASE("scopes are equal only when kind and every name are") {
  CHECK(scope::of_component("a", "b") == scope::of_component("a", "b"));
  CHECK(scope::of_component("a", "b") != scope::of_component("a", "c"));
  CHECK(scope::of_component("a", "b") != scope::of_endpoint("a", "b", ""));
  CHECK(scope::of_namespace("a") != scope::of_component("a", ""));
}

TEST_CASE("scope_from undoes to_string") {
  for (const scope& owner :
       {scope::of_namespace("dynamo"), scope::of_component("dynamo", "backend"),
        scope::of_endpoint("dynamo", "backend", "generate"),
        scope::of_endpoint("a/b", "c.d", "100% \xe6\x97\xa5")}) {
    const auto read = scope_from(to_string(owner));
    REQUIRE(read);
    CHECK(*read == owner);
  }
}

TEST_CASE("to_string of a scope puts slashes between its names") {
  CHECK(to_string(scope::of_namespace("dynamo")) == "dynamo");
  CHECK(to_string(scope::of_endpoint("dynamo", "backend", "generate")) ==
        "dynamo/backend/generate");
}

TEST_CASE("scope_from rejects no name, an empty name and a fourth name") {
  for (const char* text : {"", "/", "a/", "/a", "a//b", "a/b/c/d", "a/%zz"}) {
    const auto read = scope_from(text);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == errc::invalid);
  }
}

TEST_CASE("event_kind_of knows Dynamo's topics and takes others as raw") {
  CHECK(event_kind_of("kv-events") == event_kind::kv_events);
  CHECK(event_kind_of("kv_metrics") == event_kind::active_load);
  CHECK(event_kind_of("active_sequences_events") ==
        event_kind::active_sequences);
  CHECK(event_kind_of("session_affinity_events") ==
        event_kind::session_affinity);
  CHECK(event_kind_of("active-sequence-state") == event_kind::sequence_state);
  CHECK(event_kind_of("forward-pass-metrics") == event_kind::forward_pass);
  CHECK(event_kind_of("agent-tool-events") == event_kind::raw);
  CHECK(event_kind_of("kv-events2") == event_kind::raw);
  CHECK(event_kind_of("") == event_kind::raw);
}
