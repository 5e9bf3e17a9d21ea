#include "dynamo/events/scope.hpp"
#include "dynamo/wire/envelope_codec.hpp"
#include "dynamo/wire/zmq_message.hpp"

#include <memory>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "unit/wire/golden.hpp"

using namespace dynamo;

namespace {

scope scope_of(const nlohmann::json& parts) {
  const auto part = [&](std::size_t i) { return parts[i].get<std::string>(); };
  if (part(0) == "namespace") {
    return scope::of_namespace(part(1));
  }
  return part(0) == "component" ? scope::of_component(part(1), part(2))
                                : scope::of_endpoint(part(1), part(2), part(3));
}

wire_message message_of(const nlohmann::json& entry) {
  const std::string topic = entry["topic"].get<std::string>();
  return {std::make_shared<stream_name>(
              stream_name{topic, subject_of(scope_of(entry["scope"]), topic)}),
          entry["publisher_id"].get<std::uint64_t>(),
          entry["sequence"].get<std::uint64_t>(),
          golden_bytes(entry["envelope_hex"])};
}

/// The four parts as a sender makes them.
std::vector<byte_buffer> parts_of(const wire_message& message,
                                  zmq_topic_form form) {
  const result<zmq_message_head> head = zmq_message_head_of(message);
  REQUIRE(head);
  const byte_view topic = bytes_of(zmq_topic_of(*message.name, form));
  byte_buffer frame(frame_size_bytes(message));
  store_frame(*head, message, frame);
  return {{topic.begin(), topic.end()},
          {head->publisher_id.begin(), head->publisher_id.end()},
          {head->sequence.begin(), head->sequence.end()},
          std::move(frame)};
}

std::vector<byte_view> views_of(const std::vector<byte_buffer>& parts) {
  return {parts.begin(), parts.end()};
}

/// A good message of topic "kv-events".
std::vector<byte_buffer> good_parts() {
  const byte_view topic = bytes_of("kv-events");
  return {{topic.begin(), topic.end()},
          bytes_from_hex("0000000000003039"),
          bytes_from_hex("000000000000002a"),
          bytes_from_hex("0100000003aabbcc")};
}

void check_flaw(const std::vector<byte_buffer>& parts, zmq_message_flaw flaw) {
  const auto outcome = check_zmq_message(views_of(parts), "kv-events");
  const auto* found = std::get_if<zmq_message_flaw>(&outcome);
  REQUIRE(found != nullptr);
  CHECK(to_string(*found) == to_string(flaw));
}

} // namespace

TEST_CASE("the parts of the golden messages are byte-equal in both modes") {
  for (const nlohmann::json& entry : golden("envelopes.json")) {
    INFO(entry["name"]);
    const wire_message message = message_of(entry);
    const auto direct = parts_of(message, zmq_topic_form::topic);
    for (std::size_t i = 0; i < zmq_message_parts; ++i) {
      CHECK(to_hex(direct[i]) == entry["zmq_direct_parts_hex"][i]);
    }
    const auto broker = parts_of(message, zmq_topic_form::subject);
    CHECK(text_of(broker[0]) == entry["zmq_broker_topic"].get<std::string>());
    CHECK(broker[3] == direct[3]);
  }
}

TEST_CASE("check_zmq_message accepts every captured message of Dynamo") {
  std::size_t checked = 0;
  const nlohmann::json captured = golden("captured.json");
  for (const nlohmann::json& message : captured["messages"]) {
    if (message["transport"] != "zmq") {
      continue;
    }
    INFO(message["dynamo"] << " " << message["topic"] << ": "
                           << message["what"]);
    std::vector<byte_buffer> parts;
    for (const nlohmann::json& part : message["parts_hex"]) {
      parts.push_back(golden_bytes(part));
    }
    // Up to 1.3 the broker carries the bare topic, from 1.4 on the subject.
    const std::string topic = message["topic"].get<std::string>();
    const std::string_view part_0 = text_of(parts[0]);
    const bool is_subject =
        part_0 ==
            subject_of(scope::of_endpoint("dynamo", "backend", "generate"),
                       topic) ||
        part_0 == subject_of(scope::of_component("dynamo", "backend"), topic) ||
        part_0 == subject_of(scope::of_namespace("dynamo"), topic);
    CHECK((is_subject ? message["mode"] == "broker" : part_0 == topic));

    const auto outcome = check_zmq_message(views_of(parts), part_0);
    const auto* content = std::get_if<zmq_message>(&outcome);
    REQUIRE(content != nullptr);
    CHECK(content->publisher_id ==
          message["publisher_id"].get<std::uint64_t>());
    CHECK(content->sequence == message["sequence"].get<std::uint64_t>());
    const result<envelope> value = decode_envelope(content->envelope);
    REQUIRE(value);
    CHECK(value->publisher_id == content->publisher_id);
    CHECK(value->sequence == content->sequence);
    CHECK(content->envelope.data() == parts[3].data() + 5);
    ++checked;
  }
  CHECK(checked > 0);
}

TEST_CASE("NATS bodies begin as an envelope and never as a frame") {
  for (const nlohmann::json& entry : golden("envelopes.json")) {
    CHECK(message_of(entry).envelope[0] == 0x85);
  }
}

TEST_CASE("check_zmq_message returns ids and envelope of a good message") {
  const auto parts = good_parts();
  const auto outcome = check_zmq_message(views_of(parts), "kv-events");
  const auto* content = std::get_if<zmq_message>(&outcome);
  REQUIRE(content != nullptr);
  CHECK(content->publisher_id == 12345);
  CHECK(content->sequence == 42);
  CHECK(to_hex(content->envelope) == "aabbcc");
}

TEST_CASE("check_zmq_message drops messages of any but four parts") {
  check_flaw({}, zmq_message_flaw::parts);
  auto three = good_parts();
  three.pop_back();
  check_flaw(three, zmq_message_flaw::parts);
  auto five = good_parts();
  five.push_back({1});
  check_flaw(five, zmq_message_flaw::parts);
}

TEST_CASE("check_zmq_message drops topics that only begin like ours") {
  auto longer = good_parts();
  longer[0].push_back('x');
  check_flaw(longer, zmq_message_flaw::topic);
  auto shorter = good_parts();
  shorter[0].pop_back();
  check_flaw(shorter, zmq_message_flaw::topic);
  auto empty = good_parts();
  empty[0].clear();
  check_flaw(empty, zmq_message_flaw::topic);
}

TEST_CASE("check_zmq_message drops ids that are not of eight bytes") {
  for (const std::size_t part : {1, 2}) {
    for (const std::size_t size : {0, 7, 9}) {
      auto parts = good_parts();
      parts[part].resize(size);
      check_flaw(parts, zmq_message_flaw::identity);
    }
  }
}

TEST_CASE("check_zmq_message drops parts that are no frame") {
  for (const std::string_view hex :
       {"", "01000000", "0000000000", "0200000000", "0100000004aabbcc"}) {
    auto parts = good_parts();
    parts[3] = bytes_from_hex(hex);
    check_flaw(parts, zmq_message_flaw::frame);
  }
}

TEST_CASE("check_zmq_message ignores bytes behind the frame's payload") {
  auto parts = good_parts();
  parts[3].push_back(0xff);
  const auto outcome = check_zmq_message(views_of(parts), "kv-events");
  const auto* content = std::get_if<zmq_message>(&outcome);
  REQUIRE(content != nullptr);
  CHECK(to_hex(content->envelope) == "aabbcc");
}
