#include "dynamo/transport/advertised_host.hpp"

#include <string>

#include "support/catch.hpp"

namespace dynamo {

namespace {

interface_address one(std::string name, std::string_view address,
                      bool up = true) {
  return {std::move(name), *parse_ip_address(address), up};
}

const std::vector<interface_address> host = {
    one("lo", "127.0.0.1"),         one("lo", "::1"),
    one("eth0", "fe80::5"),         one("eth0", "fd00::5"),
    one("eth0", "10.0.0.5"),        one("eth0", "10.0.0.6"),
    one("eth1", "192.168.1.7"),     one("six", "fd00::9"),
    one("down", "10.9.9.9", false), one("local", "fe80::7"),
};

std::string chosen(std::string_view wanted,
                   const std::vector<interface_address>& interfaces = host) {
  const auto address = choose_advertised_host(wanted, interfaces);
  return address ? to_string(*address) : to_string(address.error());
}

} // namespace

TEST_CASE("choose_advertised_host prefers IPv4 that is not loopback") {
  CHECK(chosen("") == "10.0.0.5");
}

TEST_CASE("choose_advertised_host takes white space for nothing") {
  CHECK(chosen(" \t\n") == "10.0.0.5");
  CHECK(chosen("  eth1 ") == "192.168.1.7");
}

TEST_CASE("choose_advertised_host falls back to IPv6, loopback, 127.0.0.1") {
  CHECK(chosen("", {one("lo", "127.0.0.1"), one("six", "fd00::9")}) ==
        "fd00::9");
  CHECK(chosen("", {one("lo", "::1"), one("lo", "127.0.0.1")}) == "127.0.0.1");
  CHECK(chosen("", {one("lo", "::1")}) == "::1");
  CHECK(chosen("", {}) == "127.0.0.1");
}

TEST_CASE("choose_advertised_host ignores interfaces that are down") {
  CHECK(chosen("", {one("down", "10.9.9.9", false)}) == "127.0.0.1");
}

TEST_CASE("choose_advertised_host ignores addresses nobody can reach") {
  CHECK(chosen("", {one("a", "0.0.0.0"), one("a", "224.0.0.1"),
                    one("a", "255.255.255.255"), one("a", "fe80::1"),
                    one("a", "ff02::1"), one("a", "::")}) == "127.0.0.1");
}

TEST_CASE("choose_advertised_host takes an interface by its exact name") {
  CHECK(chosen("eth0") == "10.0.0.5");
  CHECK(chosen("six") == "fd00::9");
  CHECK(chosen("lo") == "127.0.0.1");
  CHECK(chosen("down") == "10.9.9.9");
  CHECK(chosen("ETH0").find("interface not found") != std::string::npos);
}

TEST_CASE("choose_advertised_host names an interface without an address") {
  CHECK(chosen("local") ==
        "invalid: advertised host 'local' (DYN_EVENT_PLANE_HOST): the "
        "interface has no address that can be advertised");
}

TEST_CASE("choose_advertised_host takes literals as they are") {
  CHECK(chosen("10.1.2.3") == "10.1.2.3");
  CHECK(chosen("::1") == "::1");
  CHECK(chosen("[fd00::1]") == "fd00::1");
  CHECK(chosen("FD00:0:0::1") == "fd00::1");
  CHECK(chosen("::ffff:10.0.0.5") == "10.0.0.5");
}

TEST_CASE("choose_advertised_host refuses unspecified addresses") {
  for (const char* wanted : {"0.0.0.0", "::", "[::]", "::ffff:0.0.0.0"}) {
    CAPTURE(wanted);
    CHECK(chosen(wanted).find("unspecified IP addresses cannot be "
                              "advertised") != std::string::npos);
  }
}

TEST_CASE("choose_advertised_host refuses host names and broken text") {
  for (const char* wanted : {"localhost", "example.org", "nosuchif", "10.0.0",
                             "[10.0.0.5]", "\xff\xfe"}) {
    CAPTURE(wanted);
    const auto address = choose_advertised_host(wanted, host);
    REQUIRE_FALSE(address);
    CHECK(address.error().code == errc::invalid);
  }
}

TEST_CASE("list_interface_addresses finds the loopback interface") {
  const auto found = list_interface_addresses();
  REQUIRE(found);
  const auto address = choose_advertised_host("lo", *found);
  REQUIRE(address);
  CHECK(is_loopback(*address));
}

} // namespace dynamo
