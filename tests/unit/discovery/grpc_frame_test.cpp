#include "dynamo/discovery/grpc_frame.hpp"

#include "support/catch.hpp"

namespace {

using namespace dynamo;
using namespace std::string_literals;

} // namespace

TEST_CASE("a gRPC frame is a zero, the length and the message") {
  CHECK(grpc_frame_of("abc") == "\0\0\0\0\3abc"s);
  CHECK(grpc_frame_of("") == "\0\0\0\0\0"s);
  CHECK(grpc_frame_of(std::string(258, 'x')).substr(0, 5) == "\0\0\0\1\2"s);
}

TEST_CASE("gRPC messages are put together from pieces of any size") {
  const std::vector<std::string> messages{"", "a", std::string(1000, 'b'), "",
                                          "cd"};
  std::string body;
  for (const std::string& each : messages) {
    body += grpc_frame_of(each);
  }
  for (const std::size_t size : {1U, 2U, 4U, 5U, 6U, 7U, 999U, 5000U}) {
    CAPTURE(size);
    grpc_frame_reader reader{1000};
    std::vector<std::string> found;
    for (std::size_t at = 0; at < body.size(); at += size) {
      REQUIRE(reader.take(std::string_view{body}.substr(at, size), found));
    }
    CHECK(found == messages);
    CHECK(reader.at_boundary());
  }
}

TEST_CASE("a gRPC body that ends within a message says so") {
  const std::string body = grpc_frame_of("abc");
  for (std::size_t size = 1; size < body.size(); ++size) {
    grpc_frame_reader reader{1000};
    std::vector<std::string> found;
    REQUIRE(reader.take(std::string_view{body}.substr(0, size), found));
    CHECK(found.empty());
    CHECK_FALSE(reader.at_boundary());
  }
}

TEST_CASE("gRPC frames beyond the limit and compressed ones are refused") {
  std::vector<std::string> found;
  grpc_frame_reader reader{3};
  REQUIRE(reader.take(grpc_frame_of("abc"), found));
  const auto large = reader.take("\0\0\0\0\4"s, found);
  REQUIRE_FALSE(large);
  CHECK(large.error().code == errc::too_large);
  const auto huge = grpc_frame_reader{1000}.take("\0\xff\xff\xff\xff"s, found);
  REQUIRE_FALSE(huge);
  CHECK(huge.error().code == errc::too_large);
  const auto squeezed = grpc_frame_reader{3}.take("\1\0\0\0\1x"s, found);
  REQUIRE_FALSE(squeezed);
  CHECK(squeezed.error().code == errc::unsupported);
  CHECK(found == std::vector<std::string>{"abc"});
}

TEST_CASE("the words of a gRPC server are read as it means them") {
  CHECK(grpc_message_text("not%20found") == "not found");
  CHECK(grpc_message_text("100% sure") == "100% sure");
  CHECK(grpc_status_code("0") == 0);
  CHECK(grpc_status_code("14") == 14);
  for (const char* text : {"", "x", "-1", "1x", "99999999999"}) {
    CAPTURE(text);
    CHECK(grpc_status_code(text) == 2);
  }
}
