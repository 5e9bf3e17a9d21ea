#include "dynamo/base/boxed.hpp"

#include <string>
#include <variant>

#include "support/catch.hpp"

using namespace dynamo;

TEST_CASE("boxed is copied and compared by its value") {
  boxed<std::string> one{std::string{"a"}};
  const boxed<std::string> other = one;
  CHECK(one == other);
  one->append("b");
  CHECK(*one == "ab");
  CHECK(*other == "a");
  CHECK_FALSE(one == other);
  one = other;
  CHECK(one == other);
}

TEST_CASE("boxed takes over what is moved into it") {
  boxed<std::string> from{std::string(100, 'x')};
  const char* bytes = from->data();
  boxed<std::string> to = std::move(from);
  CHECK(to->data() == bytes);
  from = boxed<std::string>{std::string{"again"}};
  CHECK(*from == "again");
}

TEST_CASE("a union is made from what is boxed in it, and visited as that") {
  const std::variant<int, boxed<std::string>> made{std::string{"large"}};
  const std::string& inside = *std::get<boxed<std::string>>(made);
  CHECK(inside == "large");
  struct size_of {
    std::size_t operator()(int) const { return 0; }
    std::size_t operator()(const std::string& text) const {
      return text.size();
    }
  };
  CHECK(std::visit(size_of{}, made) == 5);
}
