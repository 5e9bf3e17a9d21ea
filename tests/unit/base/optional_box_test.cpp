#include "dynamo/base/optional_box.hpp"

#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace dynamo;

using texts = std::vector<std::string>;

TEST_CASE("an optional_box is as large as a pointer, and first empty") {
  STATIC_REQUIRE(sizeof(optional_box<texts>) == sizeof(void*));
  const optional_box<texts> none;
  CHECK_FALSE(none);
  CHECK_FALSE(none.has_value());
}

TEST_CASE("an optional_box is copied by its value") {
  optional_box<texts> one{texts{"a"}};
  const optional_box<texts> other = one;
  one->push_back("b");
  CHECK(*other == texts{"a"});
  optional_box<texts> third;
  third = other;
  CHECK(third == other);
  third = optional_box<texts>{};
  CHECK_FALSE(third);
}

TEST_CASE("an optional_box is empty once it was moved from") {
  optional_box<texts> from{texts{"a"}};
  const optional_box<texts> to = std::move(from);
  CHECK(to.has_value());
  CHECK_FALSE(from);
}

TEST_CASE("an optional_box equals by presence and value") {
  const optional_box<texts> none;
  const optional_box<texts> empty{texts{}};
  CHECK(none == optional_box<texts>{});
  CHECK(none != empty);
  CHECK(empty != none);
  CHECK(empty == optional_box<texts>{texts{}});
  CHECK(empty != optional_box<texts>{texts{"a"}});
}

TEST_CASE("emplace replaces what is there, and reset takes it out") {
  optional_box<texts> one{texts{"a", "b"}};
  one.emplace(3, "c");
  CHECK(*one == texts(3, "c"));
  one.reset();
  CHECK_FALSE(one);
}
