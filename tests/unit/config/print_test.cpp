#include "dynamo/config/print.hpp"
#include "dynamo/config/schema.hpp"

#include <sstream>
#include <string>

#include "support/catch.hpp"

using Catch::Matchers::Contains;

namespace {

dynamo::loaded_options sample() {
  auto loaded = dynamo::load_options(
      {dynamo::named_text{"w.jsonc", "{\n\"zmq\": {\"send_hwm\": 7}}"},
       [](std::string_view name) -> std::optional<std::string> {
         if (name == "DYN_NAMESPACE") {
           return "quoted \" name";
         }
         return std::nullopt;
       },
       {{"--event-plane", "event_plane", "zmq"}}});
  REQUIRE(loaded);
  return *loaded;
}

} // namespace

TEST_CASE("print_options shows each value with its origin") {
  const std::string text = dynamo::print_options(sample());

  CHECK_THAT(text, Contains("{\n  \"event_plane\": \"zmq\", // flag "
                            "--event-plane\n"));
  CHECK_THAT(text, Contains("  \"namespace\": \"quoted \\\" name\", // "
                            "environment DYN_NAMESPACE\n"));
  CHECK_THAT(text, Contains("  \"zmq\": {\n    \"host\": \"\", // default\n"));
  CHECK_THAT(text, Contains("    \"send_hwm\": 7, // file w.jsonc:2\n"));
  CHECK_THAT(text, Contains("    \"file\": {\n      \"root\": "));
}

TEST_CASE("print_options prints what load_options reads back") {
  const dynamo::loaded_options before = sample();
  const std::string text = dynamo::print_options(before);

  const auto after =
      dynamo::load_options({dynamo::named_text{"printed", text}, {}, {}});

  REQUIRE(after);
  for (const dynamo::setting& each : dynamo::schema()) {
    CAPTURE(each.key);
    CHECK((each.read(after->values) == each.read(before.values)));
    CHECK(after->origins.at(each.key) != "default");
  }
}

TEST_CASE("print_reference stays within 80 columns and says every variable") {
  const std::string text = dynamo::print_reference();
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    CHECK(line.size() <= 80);
  }
  for (const dynamo::setting& each : dynamo::schema()) {
    CHECK_FALSE(each.notes.summary.empty());
    if (!each.notes.variable.name.empty()) {
      CHECK_THAT(text, Contains(std::string{each.notes.variable.name}));
    }
  }
}
