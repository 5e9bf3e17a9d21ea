#include "dynamo/events/scope_v1_3.hpp"

#include "support/catch.hpp"

namespace dynamo {

TEST_CASE("up to 1.3 streams of an endpoint belong to more than it") {
  const scope endpoint = scope::of_endpoint("dynamo", "backend", "generate");
  CHECK(scope_v1_3_of(endpoint, "kv-events") ==
        scope::of_component("dynamo", "backend"));
  CHECK(scope_v1_3_of(endpoint, "active_sequences_events") ==
        scope::of_component("dynamo", "backend"));
  CHECK(scope_v1_3_of(endpoint, "my.topic") ==
        scope::of_component("dynamo", "backend"));
  CHECK(scope_v1_3_of(endpoint, "kv_metrics") == scope::of_namespace("dynamo"));
  for (const scope& other :
       {scope::of_namespace("n"), scope::of_component("n", "c")}) {
    CHECK(scope_v1_3_of(other, "kv-events") == other);
  }
}

TEST_CASE("subjects up to 1.3 have names as they are") {
  const scope endpoint = scope::of_endpoint("dynamo", "backend", "generate");
  CHECK(subject_v1_3_of(endpoint, "kv-events") ==
        "namespace.dynamo.component.backend.kv-events");
  CHECK(subject_v1_3_of(endpoint, "kv_metrics") ==
        "namespace.dynamo.kv_metrics");
  CHECK(subject_prefix_v1_3_of(endpoint, "kv-events") ==
        "namespace.dynamo.component.backend");
  CHECK(subject_v1_3_of(scope::of_component("a b", "c/d"), "t.u") ==
        "namespace.a%20b.component.c/d.t.u");
}

} // namespace dynamo
