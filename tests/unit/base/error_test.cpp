#include "dynamo/base/error.hpp"

#include <memory>
#include <set>

#include "support/catch.hpp"

using namespace dynamo;

TEST_CASE("to_string gives every code a name of its own") {
  std::set<std::string_view> names;
  for (const errc code :
       {errc::truncated, errc::malformed, errc::too_large, errc::unsupported,
        errc::invalid, errc::not_found, errc::exists, errc::unavailable,
        errc::io, errc::closed}) {
    names.insert(to_string(code));
  }
  CHECK(names.size() == 10);
  CHECK(names.count("unknown") == 0);
}

TEST_CASE("to_string of an error puts the code before the sentence") {
  const error reason{errc::truncated, "frame: expected 5 bytes, got 2"};
  CHECK(to_string(reason) == "truncated: frame: expected 5 bytes, got 2");
}

TEST_CASE("result holds a value or the reason why there is none") {
  const result<int> good = 7;
  REQUIRE(good);
  CHECK(*good == 7);

  const result<int> bad = error{errc::io, "disk"};
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code == errc::io);
}

TEST_CASE("result moves a value that cannot be copied") {
  result<std::unique_ptr<int>> made = std::make_unique<int>(7);
  REQUIRE(made);
  const std::unique_ptr<int> taken = *std::move(made);
  REQUIRE(taken);
  CHECK(*taken == 7);
}

TEST_CASE("result tells a value from a reason of the same shape") {
  const result<std::string> good = std::string{"io: disk"};
  CHECK(good);
}

TEST_CASE("status is a success unless it holds a reason") {
  CHECK(ok());
  CHECK(status{});
  const status bad = error{errc::closed, "inbox"};
  REQUIRE_FALSE(bad);
  CHECK(to_string(bad.error()) == "closed: inbox");
}
