#include "apps/app/http_path.hpp"

#include <string>

#include "support/catch.hpp"

using namespace dynamo::apps;

TEST_CASE("a path without parameters matches itself alone") {
  const path_pattern pattern{"/route"};
  CHECK(pattern.match("/route"));
  CHECK(pattern.match("/%72oute"));
  for (const char* other : {"", "/", "route", "/route/", "//route", "/routes",
                            "/route/a", "/%7", "/%zzoute"}) {
    CAPTURE(other);
    CHECK_FALSE(pattern.match(other));
  }
  CHECK(path_pattern{"/"}.match("/"));
  CHECK_FALSE(path_pattern{"/"}.match("/a"));
}

TEST_CASE("a piece in braces stands for anything between slashes") {
  const path_pattern pattern{"/requests/{id}/output_block"};
  const auto found = pattern.match("/requests/a-1/output_block");
  REQUIRE(found);
  CHECK(*found == http_parameters{{"id", "a-1"}});
  CHECK_FALSE(pattern.match("/requests//output_block"));
  CHECK_FALSE(pattern.match("/requests/a"));
  CHECK_FALSE(pattern.match("/requests/a/output_block/b"));
}

TEST_CASE("an encoded slash is part of a parameter") {
  const auto found = path_pattern{"/requests/{id}"}.match("/requests/a%2Fb%20");
  REQUIRE(found);
  CHECK(found->at("id") == "a/b ");
}

TEST_CASE("a parameter is bounded by what it says, not by how it is sent") {
  const path_pattern pattern{"/requests/{id}"};
  std::string path = "/requests/";
  for (std::size_t i = 0; i < path_parameter_bytes_max; ++i) {
    path += "%41";
  }
  const auto longest = pattern.match(path);
  REQUIRE(longest);
  CHECK(longest->at("id") == std::string(path_parameter_bytes_max, 'A'));
  CHECK_FALSE(pattern.match(path + "A"));
}

TEST_CASE("decode_percent refuses what is no escape") {
  CHECK(decode_percent("a%00b") == std::string{"a\0b", 3});
  CHECK(decode_percent("%fF") == "\xff");
  for (const char* wrong : {"%", "%4", "%4g", "%-1", "%+1", "% 1", "a%"}) {
    CAPTURE(wrong);
    CHECK_FALSE(decode_percent(wrong));
  }
}
