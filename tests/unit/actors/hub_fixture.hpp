#pragma once

#include "support/catch.hpp"
#include "unit/actors/plane_fixture.hpp"

// What the tests of planes with a server between share.

namespace dynamo::actors::test {

inline void publish_from_to(publisher_handle& out, std::uint64_t first,
                            std::uint64_t last) {
  for (std::uint64_t i = first; i <= last; ++i) {
    REQUIRE(out.publish(load(i)));
  }
}

/// Long enough for any hold and any delay between attempts.
inline constexpr auto settled = 12'000ms;

inline bool was_said(const cluster& nodes, std::string_view text) {
  return std::any_of(nodes.log.begin(), nodes.log.end(),
                     [&](const std::string& line) {
                       return line.find(text) != std::string::npos;
                     });
}

inline link_status link_report_of(cluster& nodes, cluster::process& of) {
  return nodes.ask<link_status>(nodes.children(of).bridge, report_link{});
}

} // namespace dynamo::actors::test
