#include "dynamo/transport/prefix_set.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace dynamo {

TEST_CASE("prefix_set covers a topic that begins with an entry") {
  prefix_set set;
  CHECK_FALSE(set.covers("kv-events"));
  CHECK(set.add("kv"));
  CHECK(set.covers("kv-events"));
  CHECK(set.covers("kv"));
  CHECK_FALSE(set.covers("k"));
}

TEST_CASE("prefix_set finds a short entry behind longer ones that differ") {
  prefix_set set;
  for (const char* each : {"a", "ab1", "abc", "abcd5", "abcda"}) {
    CHECK(set.add(each));
  }
  CHECK(set.covers("abcdb"));
  CHECK(set.covers("azzz"));
  CHECK_FALSE(set.covers("b"));
  CHECK(set.add(""));
  CHECK(set.covers("b"));
}

TEST_CASE("prefix_set says whether an entry is new or was there") {
  prefix_set set;
  CHECK(set.add("kv"));
  CHECK_FALSE(set.add("kv"));
  CHECK(set.size() == 1);
  CHECK(set.remove("kv"));
  CHECK_FALSE(set.remove("kv"));
  CHECK_FALSE(set.covers("kv"));
}

TEST_CASE("prefix_set agrees with a look at every entry") {
  std::mt19937 random{7};
  const auto text = [&random] {
    std::string made(random() % 7, 'a');
    for (char& each : made) {
      each = static_cast<char>('a' + random() % 3);
    }
    return made;
  };
  for (int round = 0; round < 200; ++round) {
    prefix_set set;
    std::vector<std::string> entries;
    for (int added = 0; added < 6; ++added) {
      entries.push_back("b" + text());
      static_cast<void>(set.add(entries.back()));
    }
    for (int asked = 0; asked < 50; ++asked) {
      const std::string topic = "b" + text();
      CAPTURE(topic);
      CHECK(set.covers(topic) == std::any_of(entries.begin(), entries.end(),
                                             [&topic](const std::string& each) {
                                               return topic.starts_with(each);
                                             }));
    }
  }
}

} // namespace dynamo
