#include "dynamo/transport/nats_link.hpp"
#include "dynamo/transport/nats_servers.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace dynamo {

namespace {

std::vector<nats_server> servers(std::string_view list) {
  auto parsed = parse_nats_server_list(list);
  REQUIRE(parsed);
  return *std::move(parsed);
}

std::vector<std::string> urls(const std::vector<nats_server>& of) {
  std::vector<std::string> texts;
  for (const nats_server& one : of) {
    texts.push_back(one.url());
  }
  return texts;
}

using texts = std::vector<std::string>;

} // namespace

TEST_CASE("parse_nats_servers reads every form of a server") {
  struct row {
    const char* list;
    texts expected;
  };
  const row rows[] = {
      {"localhost:4222", {"nats://localhost:4222"}},
      {"localhost", {"nats://localhost:4222"}},
      {"nats://a:1", {"nats://a:1"}},
      {"nats://a", {"nats://a:4222"}},
      {"nats://a/", {"nats://a:4222"}},
      {"tls://b", {"tls://b:4222"}},
      {"localhost:4222,tls://b", {"nats://localhost:4222", "tls://b:4222"}},
      {" a , b:2 ", {"nats://a:4222", "nats://b:2"}},
      {"a,a:4222,nats://a", {"nats://a:4222"}},
      {"10.0.0.5:65535", {"nats://10.0.0.5:65535"}},
      {"[::1]", {"nats://[::1]:4222"}},
      {"tls://[2001:db8::1]:7", {"tls://[2001:db8::1]:7"}},
      {"nats://user:secret@a:1", {"nats://a:1"}},
      {"token@a", {"nats://a:4222"}},
  };
  for (const row& one : rows) {
    INFO(one.list);
    const auto parsed = parse_nats_servers(one.list);
    REQUIRE(parsed);
    CHECK(*parsed == one.expected);
  }
}

TEST_CASE("parse_nats_servers names the part that is wrong, without its "
          "credentials") {
  for (const std::string list : {"",
                                 " ",
                                 "a,",
                                 ",a",
                                 "a,,b",
                                 "http://a",
                                 "nats://",
                                 "a:",
                                 "a:0",
                                 "a:65536",
                                 "a:-1",
                                 "a:4222x",
                                 "a:1:2",
                                 "::1",
                                 "[::1",
                                 "[::1]x",
                                 "[a]:1",
                                 "[10.0.0.1]",
                                 "a b",
                                 "a/b",
                                 "hunter2:hunter2@a:x",
                                 "hunter2:@a",
                                 ":hunter2@a",
                                 "@a",
                                 "hunter2%zz@a"}) {
    INFO(list);
    const auto parsed = parse_nats_servers(list);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == errc::invalid);
    CHECK(parsed.error().message.find("nats.servers (NATS_SERVER)") == 0);
    CHECK(parsed.error().message.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("parse_nats_server_list keeps what stands before an @") {
  const auto parsed = servers("nats://me:a%40b%2C%3Ac@x,s3cr3t@y,z");
  CHECK(parsed[0].username == "me");
  CHECK(parsed[0].password == "a@b,:c");
  CHECK(parsed[1].token == "s3cr3t");
  CHECK(parsed[2].username.empty());
  CHECK(parsed[2].token.empty());
}

TEST_CASE("nats_server_pool tries the servers in the order given") {
  nats_server_pool pool{servers("a,b,c"), server_order::as_given, 1};
  const texts expected = {"nats://a:4222", "nats://b:4222", "nats://c:4222"};
  CHECK(urls(pool.next_pass()) == expected);
  CHECK(urls(pool.next_pass()) == expected);
}

TEST_CASE("nats_server_pool tries all servers in another order each time when "
          "it may") {
  nats_server_pool pool{servers("a,b,c,d,e,f,g,h"), server_order::random, 1};
  const texts first = urls(pool.next_pass());
  texts second = urls(pool.next_pass());
  CHECK(first != second);
  CHECK(std::is_permutation(first.begin(), first.end(), second.begin(),
                            second.end()));
}

TEST_CASE("nats_server_pool tries the server that was left last, until there "
          "is a connection") {
  nats_server_pool pool{servers("a,b,c"), server_order::as_given, 1};
  pool.note_left(servers("a").front());
  CHECK(urls(pool.next_pass()) ==
        texts{"nats://b:4222", "nats://c:4222", "nats://a:4222"});
  pool.note_connected();
  CHECK(urls(pool.next_pass()).front() == "nats://a:4222");
}

TEST_CASE("nats_server_pool adds the members that a server names") {
  nats_server_pool pool{servers("tls://u:p@host.example:1"),
                        server_order::as_given, 1};
  const nats_server teller = pool.next_pass().front();
  pool.learn(teller, {"nats://10.0.0.1:1", "nats://host.example:1",
                      "nats://other:2", "not a url", "nats://10.0.0.1:1"});
  const auto pass = pool.next_pass();
  REQUIRE(urls(pass) ==
          texts{"tls://host.example:1", "tls://10.0.0.1:1", "tls://other:2"});
  CHECK(pass[1].tls_name == "host.example");
  CHECK(pass[2].tls_name.empty());
  CHECK(pass[2].password == "p");

  // What a later one says replaces it; one that says nothing changes nothing.
  pool.learn(teller, {"nats://third:3"});
  pool.learn(teller, {});
  CHECK(urls(pool.next_pass()) ==
        texts{"tls://host.example:1", "tls://third:3"});
}

TEST_CASE("nats_server_pool believes no more than 256 members") {
  nats_server_pool pool{servers("a"), server_order::as_given, 1};
  texts many;
  for (int port = 1; port <= 1000; ++port) {
    many.push_back("nats://x:" + std::to_string(port));
  }
  pool.learn(pool.next_pass().front(), many);
  CHECK(pool.next_pass().size() == 257);
}

} // namespace dynamo
