#include "dynamo/discovery/file_store.hpp"

#include "changes.hpp"
#include "support/catch.hpp"

namespace {

using namespace dynamo;
using dynamo::test::served;

const event_channel channel{scope::of_component("dynamo", "backend"),
                            "kv-events", 255, zmq_address{"tcp://h:1"}};
const std::string channel_name =
    "namespace%2Fdynamo%2Fcomponent%2Fbackend%2Ftopic%2Fkv%2Devents%2Fff";

} // namespace

TEST_CASE("a key becomes one file name of letters, digits and escapes") {
  const auto name = file_name_of(key_of(channel));
  REQUIRE(name);
  CHECK(*name == channel_name);
}

TEST_CASE("a key that is too long for a file name is refused") {
  CHECK(file_name_of(std::string(255, 'a')));
  const auto refused = file_name_of(std::string(84, '.') + "abcd");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::too_large);
  CHECK_THAT(refused.error().message, Catch::Contains("256"));
}

TEST_CASE("a file's name, bucket and content must speak of one record") {
  const auto channels = bucket::event_channels;
  const std::string text = to_json(channel);
  const auto read = filed_record_from(channels, channel_name, text);
  REQUIRE(read);
  CHECK(read->key == key_of(channel));
  CHECK(read->value == record{channel});

  std::string other = channel_name;
  other.back() = 'e';
  CHECK_FALSE(filed_record_from(channels, other, text));
  CHECK_FALSE(filed_record_from(bucket::event_sources, channel_name, text));
  CHECK_FALSE(filed_record_from(channels, channel_name, to_json(served(255))));
  CHECK_FALSE(filed_record_from(channels, channel_name, ""));
  CHECK_FALSE(filed_record_from(channels, "notes.txt", text));
  CHECK_FALSE(filed_record_from(channels, "%zz", text));
}

TEST_CASE("a file name counts only in its canonical encoding") {
  std::string name = channel_name;
  name.replace(name.find("%2F"), 3, "%2f");
  CHECK_FALSE(
      filed_record_from(bucket::event_channels, name, to_json(channel)));
}

TEST_CASE("a file of Dynamo 1.3 is read under its own key") {
  event_channel older = channel;
  older.generation = wire_generation::v1_3;
  const auto read =
      filed_record_from(bucket::event_channels,
                        "dynamo%2Fbackend%2Fkv%2Devents%2Fff", to_json(older));
  REQUIRE(read);
  CHECK(read->key == "dynamo/backend/kv-events/ff");
  CHECK(read->value == record{older});
}
