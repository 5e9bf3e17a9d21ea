#include "apps/events/notice_text.hpp"
#include "apps/events/record_table.hpp"

#include <nlohmann/json.hpp>

#include "support/catch.hpp"

using namespace dynamo;
using namespace dynamo::apps;

namespace {

found_record channel(std::uint64_t id, const std::string& topic,
                     const std::string& endpoint) {
  const event_channel value{scope::of_endpoint("dynamo", "backend", "generate"),
                            topic, id, zmq_address{endpoint}};
  return {bucket::event_channels, key_of(value), value,
          std::chrono::milliseconds{1234}};
}

} // namespace

TEST_CASE("records stand in aligned columns below their owner") {
  const auto lines = table_of(
      bucket::event_channels,
      {channel(2549457456639263, "kv_metrics", "tcp://127.0.0.1:40124"),
       channel(42, "kv-events", "tcp://127.0.0.1:40123")});
  CHECK(lines == std::vector<std::string>{
                     "event_channels: 2 records",
                     "  TOPIC      ID            DECIMAL          AGE  ADDRESS",
                     "dynamo/backend/generate",
                     "  kv-events  2a            42               1.2s zmq "
                     "127.0.0.1:40123",
                     "  kv_metrics 90eb7d212ad1f 2549457456639263 1.2s zmq "
                     "127.0.0.1:40124"});
  for (const std::string& line : lines) {
    CHECK(line.size() <= 80);
  }
}

TEST_CASE("an empty bucket is one line") {
  CHECK(table_of(bucket::models, {}) ==
        std::vector<std::string>{"models: 0 records"});
}

TEST_CASE("a source shows the rank that it speaks of") {
  const scope owner = scope::of_endpoint("dynamo", "backend", "generate");
  const event_source source{owner, "kv-events", 42,
                            to_json(kv_source_metadata{owner, 7, 1, 42})};
  CHECK(address_of(source) == "worker 7/1");
  CHECK(line_of(bucket::event_sources, source) ==
        "event_sources dynamo/backend/generate kv-events 2a (42) worker 7/1");
}

TEST_CASE("what a stranger wrote cannot command the terminal") {
  const auto hostile = channel(1, "kv\x1b[2J", "tcp://\x07");
  for (const std::string& line : table_of(bucket::event_channels, {hostile})) {
    CHECK(line.find('\x1b') == std::string::npos);
    CHECK(line.find('\x07') == std::string::npos);
  }
}

TEST_CASE("the JSON of a record has the stored value in it") {
  const found_record found = channel(42, "kv-events", "tcp://127.0.0.1:1");
  const auto out = json_of(found.where, found.key, found.value);
  CHECK(out["id"] == 42);
  CHECK(out["id_hex"] == "2a");
  CHECK(out["topic"] == "kv-events");
  CHECK(out["record"]["type"] == "EventChannel");
}

TEST_CASE("notices are told with their publisher") {
  const actors::stream_notice gap = actors::stream_gap{42, 3, 1};
  CHECK(name_of(gap) == "stream_gap");
  CHECK(text_of(gap) == "publisher 2a: 3 events missing, 1 dropped here");
  CHECK(json_of(gap) == nlohmann::json{{"publisher_id", 42},
                                       {"missed", 3},
                                       {"dropped_here", 1}});
  CHECK(publisher_of(gap) == 42);
  CHECK(publisher_of(actors::discovery_stale{true, "gone"}) == std::nullopt);
}
