#include "apps/broker/broker_face.hpp"

#include <nlohmann/json.hpp>

#include <string>

#include "support/catch.hpp"

namespace dynamo::apps {

TEST_CASE("every count of a broker has a name of its own") {
  broker_counts counts;
  static_assert(sizeof(broker_counts) == 16 * sizeof(std::uint64_t));
  counts.received = 7;
  counts.waiting = 3;
  const auto told = counts_json(counts);
  CHECK(told.size() == 16);
  CHECK(told["received"] == 7);
  CHECK(told["waiting"] == 3);
}

TEST_CASE("a broker's counts are metrics for Prometheus") {
  broker_counts counts;
  counts.dropped = 5;
  counts.subscribers = 2;
  const std::string text = metrics_text(counts);
  CHECK(text.find("# TYPE dynamo_events_broker_dropped_total counter\n") !=
        std::string::npos);
  CHECK(text.find("\ndynamo_events_broker_dropped_total 5\n") !=
        std::string::npos);
  CHECK(text.find("# TYPE dynamo_events_broker_subscribers gauge\n") !=
        std::string::npos);
  CHECK(text.find("\ndynamo_events_broker_subscribers 2\n") !=
        std::string::npos);
}

} // namespace dynamo::apps
