#include "apps/bench/roles/serve.hpp"

#include "apps/bench/allocation_count.hpp"
#include "apps/bench/process_usage.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>

namespace dynamo::apps {

namespace {

using namespace std::chrono_literals;

/// Between rounds of warm-up messages, so that all publishers together send no
/// more than a crowd of subscribers can take while it still connects.
constexpr auto warm_up_pause = 5ms;
constexpr auto warm_up_pause_each = 500us;
/// How often a subscriber looks whether there is something to say: soon while
/// it is being timed how long publishers take to be heard, and seldom then, for
/// it is also measured what a process costs that hears nothing.
constexpr auto look_for_first = 1ms;
constexpr auto look = 100ms;

/// Sends warm-up messages until another command comes.
std::string warm_up(const publisher_role& role, role_console& console) {
  const auto pause = std::chrono::ceil<std::chrono::milliseconds>(
      std::max<std::chrono::microseconds>(
          warm_up_pause, role.publishers * warm_up_pause_each));
  for (;;) {
    role.warm_up();
    if (auto command = console.next_within(pause)) {
      return *std::move(command);
    }
  }
}

void publish(const publisher_role& role, role_console& console) {
  const double cpu_before = cpu_seconds();
  const std::uint64_t allocations_before = allocations_of_process();
  const std::uint64_t began = monotonic_ns();
  nlohmann::json fields = role.publish_all();
  role.to.flush();
  fields["elapsed_s"] = static_cast<double>(monotonic_ns() - began) * 1e-9;
  const process_usage used = usage_now();
  fields["cpu_s"] = used.cpu_s - cpu_before;
  fields["allocations"] = allocations_of_process() - allocations_before;
  fields["peak_rss_bytes"] = used.rss_peak_bytes;
  fields["threads"] = used.threads;
  console.say("result", std::move(fields));
}

} // namespace

void serve_publisher(const publisher_role& role, role_console& console) {
  double cpu_before = cpu_seconds();
  console.say("ready", {{"endpoints", role.to.endpoints()}});
  std::string command = console.next();
  while (command != "end") {
    if (command == "warm") {
      command = warm_up(role, console);
      continue;
    }
    if (command == "go") {
      cpu_before = cpu_seconds();
      publish(role, console);
    } else if (command == "final") {
      say_final(console, cpu_before);
    }
    command = console.next();
  }
}

void serve_subscriber(const subscriber_role& role, role_console& console) {
  const double cpu_before = cpu_seconds();
  console.say("ready");
  bool said_warm = false;
  bool said_result = false;
  for (;;) {
    const std::string command =
        console.next_within(said_warm ? look : look_for_first).value_or("");
    if (!said_warm && role.is_warm()) {
      said_warm = true;
      console.say("warm");
    }
    if (!said_result && (role.is_complete() || command == "stop")) {
      said_result = true;
      if (!role.is_complete()) {
        role.stop_arrivals();
      }
      console.say("result", role.result());
    }
    if (command == "progress") {
      console.say("progress", {{"received", role.received()}});
    } else if (command == "final") {
      say_final(console, cpu_before);
    } else if (command == "end") {
      return;
    }
  }
}

void serve_rest(role_console& console, double cpu_before) {
  for (std::string command = console.next(); command != "end";
       command = console.next()) {
    if (command == "final") {
      say_final(console, cpu_before);
    }
  }
}

void say_final(role_console& console, double cpu_before) {
  const process_usage used = usage_now();
  console.say("final", {{"cpu_s", used.cpu_s - cpu_before},
                        {"rss_bytes", used.rss_bytes},
                        {"rss_own_bytes", used.rss_own_bytes},
                        {"peak_rss_bytes", used.rss_peak_bytes},
                        {"threads", used.threads},
                        {"fds", used.descriptors}});
}

} // namespace dynamo::apps
