#include "apps/events/event_text.hpp"
#include "apps/events/explain.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <string>

#include "support/catch.hpp"

using namespace dynamo;
using namespace dynamo::apps;
using nlohmann::json;

namespace {

json data_of(const std::string& name) {
  std::ifstream file{DYNAMO_TEST_DATA "/vectors/" + name};
  return json::parse(file);
}

byte_buffer bytes_from(const json& hex) {
  auto bytes = from_hex(hex.get<std::string>());
  REQUIRE(bytes);
  return *bytes;
}

explanation explained(byte_buffer bytes, const std::string& topic = "") {
  return explain({{std::move(bytes)}, wire_form::detect, topic});
}

bool mentions(const std::vector<std::string>& lines, const std::string& text) {
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
    return line.find(text) != std::string::npos;
  });
}

/// Whether the ranges follow one another from the first byte to the last.
/// A range within a binary stands inside of it.
bool covers(const explained_section& section, std::size_t size) {
  std::size_t end = 0;
  for (const explained_range& each : section.ranges.ranges()) {
    if (each.start > end || each.end > size || each.start > each.end) {
      return false;
    }
    end = std::max(end, each.end);
  }
  return end == size;
}

} // namespace

TEST_CASE("every golden frame is explained from its first byte to its last") {
  for (const json& vector : data_of("envelopes.json")) {
    INFO(vector["name"]);
    const byte_buffer frame = bytes_from(vector["frame_hex"]);
    const explanation out = explained(frame);
    CHECK(out.form == wire_form::frame);
    CHECK(covers(out.sections.at(0), frame.size()));
    CHECK(mentions(out.summary, "sequence " + vector["sequence"].dump()));
  }
}

TEST_CASE("every golden envelope is told from a frame") {
  for (const json& vector : data_of("envelopes.json")) {
    INFO(vector["name"]);
    CHECK(explained(bytes_from(vector["envelope_hex"])).form ==
          wire_form::envelope);
  }
}

TEST_CASE("every golden payload is explained and read with its topic") {
  for (const json& vector : data_of("payloads.json")) {
    INFO(vector["name"]);
    const byte_buffer payload = bytes_from(vector["hex"]);
    const explanation out =
        explained(payload, vector["topic"].get<std::string>());
    CHECK(out.problems == std::vector<std::string>{});
    CHECK(covers(out.sections.at(0), payload.size()));
    CHECK_FALSE(out.summary.empty());
  }
}

TEST_CASE("messages of real processes are explained part by part") {
  const json captured = data_of("captured.json");
  for (const json& message : captured.at("messages")) {
    if (!message.contains("parts_hex")) {
      continue;
    }
    INFO(message["what"]);
    explain_request request;
    for (const json& part : message["parts_hex"]) {
      request.parts.push_back(bytes_from(part));
    }
    const explanation out = explain(request);
    CHECK(out.form == wire_form::parts);
    CHECK(out.sections.size() == 4);
    CHECK(out.problems == std::vector<std::string>{});
  }
}

TEST_CASE("every truncation of a frame is explained up to its end") {
  const json vector = data_of("envelopes.json").at(0);
  const byte_buffer whole = bytes_from(vector["frame_hex"]);
  for (std::size_t size = 1; size < whole.size(); ++size) {
    INFO(size);
    const byte_buffer cut{whole.begin(),
                          whole.begin() + static_cast<std::ptrdiff_t>(size)};
    const explanation out = explain({{cut}, wire_form::frame, ""});
    CHECK_FALSE(out.problems.empty());
    CHECK(covers(out.sections.at(0), size));
  }
}

TEST_CASE("a cut payload is said to be cut, with the bytes that are missing") {
  const json vector = data_of("envelopes.json").at(0);
  byte_buffer frame = bytes_from(vector["frame_hex"]);
  frame.resize(frame.size() - 4);
  const explanation out = explained(frame);
  CHECK(mentions(out.problems, "expected 88 bytes, got 84"));
  CHECK(mentions(out.problems, "expected 12 more bytes for payload, 8 left"));
  CHECK(mentions(lines_of(out), "cut off after 8 of 12"));
}

TEST_CASE("a count beyond the bytes is explained, and nothing is allocated") {
  const explanation out = explained(*from_hex("ddffffffff01"));
  CHECK(mentions(out.problems,
                 "expected 4294967294 more elements of payload, got the end"));
}

TEST_CASE("nesting beyond 64 levels ends the explanation") {
  const explanation out = explained(byte_buffer(1000, 0x91));
  CHECK(mentions(out.problems, "more than 64 levels"));
}

TEST_CASE("bytes behind a frame are reported and no damage") {
  const json vector = data_of("envelopes.json").at(0);
  byte_buffer frame = bytes_from(vector["frame_hex"]);
  frame.insert(frame.end(), {1, 2, 3});
  const explanation out = explained(frame);
  CHECK(out.problems.empty());
  CHECK(mentions(out.notes, "3 bytes behind the frame"));
  CHECK(covers(out.sections.at(0), frame.size()));
}

TEST_CASE("a frame of another version is explained all the same") {
  const json vector = data_of("envelopes.json").at(0);
  byte_buffer frame = bytes_from(vector["frame_hex"]);
  frame[0] = 2;
  const explanation out = explained(frame);
  CHECK(out.form == wire_form::frame);
  CHECK(mentions(out.problems, "frame version: expected 1, got 2"));
  CHECK(mentions(out.summary, "sequence 42"));
}

TEST_CASE("parts that contradict their envelope are a problem") {
  const json vector = data_of("envelopes.json").at(0);
  explain_request request;
  for (const json& part : vector["zmq_direct_parts_hex"]) {
    request.parts.push_back(bytes_from(part));
  }
  CHECK(explain(request).problems.empty());
  request.parts[0].push_back('x');
  request.parts[1][7] ^= 1;
  request.parts[2].pop_back();
  const explanation out = explain(request);
  CHECK(mentions(out.problems, "part 0 says topic test-topicx"));
  CHECK(mentions(out.problems, "part 1 says publisher 12344"));
  CHECK(mentions(out.problems, "part 2: expected 8 bytes of sequence, got 7"));
}

TEST_CASE("a wrong type in a payload is named by the reader") {
  // {"worker_id": "7"}
  const explanation out =
      explained(*from_hex("81a9776f726b65725f6964a137"), "kv_metrics");
  CHECK(mentions(out.problems, "expected an unsigned integer"));
  CHECK(mentions(lines_of(out), "\"7\""));
}

TEST_CASE("bytes that only happen to begin with a msgpack value are damage") {
  CHECK(mentions(explained(*from_hex("65a1b2c3")).problems,
                 "neither a frame nor an envelope"));
}

TEST_CASE("any bytes are explained without harm") {
  std::uint32_t state = 1;
  for (int round = 0; round < 2000; ++round) {
    byte_buffer bytes(static_cast<std::size_t>(round % 64));
    for (std::uint8_t& byte : bytes) {
      state = state * 1664525 + 1013904223;
      byte = static_cast<std::uint8_t>(state >> 24);
    }
    for (const auto form : {wire_form::detect, wire_form::frame,
                            wire_form::envelope, wire_form::parts}) {
      const explanation out = explain({{bytes}, form, "kv-events"});
      CHECK_FALSE(json_of(out).empty());
    }
  }
}

TEST_CASE("the JSON of an explanation says whether it decodes") {
  const json out =
      json_of(explain({{*from_hex("c0")}, wire_form::payload, ""}));
  CHECK(out["decodes"] == true);
  CHECK(out["sections"][0]["ranges"][0]["value"] == "nil");
  CHECK(json_of(explained(*from_hex("c1")))["decodes"] == false);
}

TEST_CASE("printable shows nothing that a terminal would obey") {
  CHECK(printable("a\x1b[2Jb") == "a\\x1b[2Jb");
  CHECK(printable("\xff") == "\\xff");
  CHECK(printable("gr\xc3\xbc\xc3\x9f") == "gr\xc3\xbc\xc3\x9f");
  CHECK(printable("abcdef", 3) == "abc..");
}

TEST_CASE("times are those of the calendar, or a number beyond it") {
  CHECK(date_and_time(1700000000123) == "2023-11-14 22:13:20.123 UTC");
  CHECK(time_of_day(1700000000123) == "22:13:20.123");
  CHECK(time_of_day(~std::uint64_t{0}) == "18446744073709551615 ms");
}
