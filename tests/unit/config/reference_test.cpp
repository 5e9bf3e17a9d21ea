#include "dynamo/config/load.hpp"
#include "dynamo/config/print.hpp"
#include "dynamo/config/schema.hpp"

#include <filesystem>
#include <set>
#include <string>

#include "support/catch.hpp"

namespace {

const std::filesystem::path configs =
    std::filesystem::path{DYNAMO_TEST_DATA} / ".." / ".." / "configs";

dynamo::named_text text_of(const std::filesystem::path& file) {
  auto text = dynamo::read_config_file(file.string());
  REQUIRE(text);
  return *text;
}

} // namespace

TEST_CASE("configs/reference.jsonc holds every key with its default") {
  const dynamo::named_text reference = text_of(configs / "reference.jsonc");
  const auto loaded = dynamo::load_options({reference, {}, {}});
  REQUIRE(loaded);
  const dynamo::options defaults;
  for (const dynamo::setting& each : dynamo::schema()) {
    CAPTURE(each.key);
    CHECK((each.read(loaded->values) == each.read(defaults)));
  }

  std::set<std::string> in_file;
  const auto entries = dynamo::read_json(reference);
  REQUIRE(entries);
  for (const dynamo::json_entry& each : *entries) {
    if (each.value != dynamo::scalar{dynamo::json_container::object}) {
      in_file.insert(each.key);
    }
  }
  std::set<std::string> in_schema;
  for (const dynamo::setting& each : dynamo::schema()) {
    in_schema.insert(each.key);
  }
  CHECK(in_file == in_schema);
}

TEST_CASE("configs/reference.jsonc is what --print-reference prints") {
  CHECK(text_of(configs / "reference.jsonc").text == dynamo::print_reference());
}

TEST_CASE("every file in configs/ loads") {
  std::size_t count = 0;
  for (const auto& file : std::filesystem::directory_iterator{configs}) {
    CAPTURE(file.path().string());
    const auto loaded = dynamo::load_options({text_of(file.path()), {}, {}});
    CHECK(loaded);
    ++count;
  }
  CHECK(count >= 9);
}

TEST_CASE("every key stands once in the schema, and accepts its default") {
  std::set<std::string> keys;
  for (const dynamo::setting& each : dynamo::schema()) {
    CAPTURE(each.key);
    CHECK(keys.insert(each.key).second);
    dynamo::options values;
    CHECK(each.assign(values, each.read(values)));
  }
}
