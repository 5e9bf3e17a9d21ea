#pragma once

#include "apps/bench/roles/ends.hpp"
#include "apps/bench/roles/role_console.hpp"
#include "dynamo/base/error.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>

// The commands that all publishers take, and all subscribers.

namespace dynamo::apps {

/// What a publisher role does at its commands.
struct publisher_role {
  outlets& to;
  std::size_t publishers = 1;
  /// Sends one warm-up message of each publisher.
  std::function<void()> warm_up;
  /// Sends everything that counts, in threads of its own or not; the fields of
  /// the result beside those of time and cost.
  std::function<nlohmann::json()> publish_all;
};

/// Says "ready" and serves until "end".
void serve_publisher(const publisher_role& role, role_console& console);

/// What a subscriber role can say; asked from another thread than that on which
/// messages arrive.
struct subscriber_role {
  std::function<bool()> is_warm;
  std::function<bool()> is_complete;
  std::function<std::uint64_t()> received;
  /// Lets nothing more arrive.
  std::function<void()> stop_arrivals;
  /// Once, when nothing more arrives that counts.
  std::function<nlohmann::json()> result;
};

/// As above.
void serve_subscriber(const subscriber_role& role, role_console& console);

/// Answers "final" until "end".
void serve_rest(role_console& console, double cpu_before);

/// Says what the process has used since `cpu_before`, which is its
/// cpu_seconds() of then.
void say_final(role_console& console, double cpu_before);

} // namespace dynamo::apps
