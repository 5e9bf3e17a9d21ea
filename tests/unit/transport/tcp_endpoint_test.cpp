#include "dynamo/transport/tcp_endpoint.hpp"

#include <string>

#include "support/catch.hpp"

namespace dynamo {

TEST_CASE("parse_tcp_endpoint reads IPv4 and bracketed IPv6") {
  const auto v4 = parse_tcp_endpoint("tcp://10.0.0.5:40123");
  REQUIRE(v4);
  CHECK(v4->host.family == ip_family::v4);
  CHECK(v4->port == 40123);
  CHECK(to_string(*v4) == "tcp://10.0.0.5:40123");

  const auto v6 = parse_tcp_endpoint("tcp://[FD00:0::0:5]:1");
  REQUIRE(v6);
  CHECK(v6->host.family == ip_family::v6);
  CHECK(to_string(*v6) == "tcp://[fd00::5]:1");
}

TEST_CASE("parse_tcp_endpoint refuses what a record must not make us reach") {
  for (const char* text : {"",
                           "tcp://",
                           "tcp://10.0.0.5",
                           "tcp://10.0.0.5:",
                           "tcp://10.0.0.5:0",
                           "tcp://10.0.0.5:65536",
                           "tcp://10.0.0.5:99x",
                           "tcp://10.0.0.5:-1",
                           "tcp://fd00::5:1",
                           "tcp://[fd00::5:1",
                           "tcp://localhost:1",
                           "tcp://*:1",
                           "tcp://0.0.0.0:1",
                           "tcp://[::]:1",
                           "tcp://[fe80::1%eth0]:1",
                           "tcp://10.0.0.1:5;10.0.0.2:6",
                           "tcp://[10.0.0.5]:1",
                           "ipc:///tmp/x",
                           "inproc://x",
                           "udp://10.0.0.5:1",
                           "10.0.0.5:1"}) {
    CAPTURE(text);
    const auto endpoint = parse_tcp_endpoint(text);
    REQUIRE_FALSE(endpoint);
    CHECK(endpoint.error().code == errc::invalid);
  }
}

TEST_CASE("parse_tcp_endpoint refuses a zero byte in the address") {
  CHECK_FALSE(parse_tcp_endpoint(std::string{"tcp://10.0.0.5\0.x:1", 19}));
}

TEST_CASE("parse_bind_endpoint takes wildcards for host and port") {
  CHECK(to_string(*parse_bind_endpoint("tcp://*:*")) == "tcp://0.0.0.0:0");
  CHECK(to_string(*parse_bind_endpoint("tcp://0.0.0.0:5555")) ==
        "tcp://0.0.0.0:5555");
  CHECK(to_string(*parse_bind_endpoint("tcp://[::]:0")) == "tcp://[::]:0");
  for (const char* text : {"tcp://*", "ipc://x", "tcp://name:5", "tcp://*:-1",
                           "tcp://*:65536", "tcp://:::5"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_bind_endpoint(text));
  }
}

} // namespace dynamo
