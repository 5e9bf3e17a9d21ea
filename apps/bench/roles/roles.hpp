#pragma once

#include "apps/bench/roles/ends.hpp"
#include "apps/bench/roles/role_console.hpp"
#include "dynamo/base/error.hpp"

#include <cstdint>

// A role is one process of a measure: it opens one end of a stream, says
// "ready", and then does what it is told on stdin. README.md has the commands
// and the events. Every role answers "final" at any time with what the process
// has used, and ends at "end".

namespace dynamo::apps {

struct pub_options {
  end_request end;
  /// Messages of each publisher.
  std::uint64_t count = 100'000;
  /// Messages a second of each publisher; 0: as fast as it goes.
  double rate = 0;
  /// Messages at each tick of a rate.
  std::uint64_t burst = 1;
};

struct sub_options {
  end_request end;
  /// Messages of each publisher.
  std::uint64_t expected = 100'000;
};

struct ping_options {
  end_request end;
  std::uint64_t count = 10'000;
  /// Pings a second at most; 0: one after the other.
  double rate = 0;
};

/// Publishes stamped payloads: warm-up messages from "warm" on, all that are
/// measured at "go".
status run_pub(const pub_options& options, role_console& console);

/// Counts and times what arrives, says "warm" when it has heard all
/// publishers, and the result when it has everything or is told to "stop".
status run_sub(const sub_options& options, role_console& console);

/// Sends back on topic `<topic>-reply` whatever comes on the topic.
status run_echo(const end_request& options, role_console& console);

/// Times round trips through an echo, one message under way.
status run_ping(const ping_options& options, role_console& console);

} // namespace dynamo::apps
