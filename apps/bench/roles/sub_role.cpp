#include "apps/bench/process_usage.hpp"
#include "apps/bench/roles/arrival_tally.hpp"
#include "apps/bench/roles/roles.hpp"

#include <nlohmann/json.hpp>

namespace dynamo::apps {

namespace {

using namespace std::chrono_literals;

/// How often it looks whether there is something to say: soon while it is being
/// timed how long publishers take to be heard.
constexpr auto look_for_first = 1ms;
constexpr auto look = 20ms;

} // namespace

status run_sub(const sub_options& options, role_console& console) {
  arrival_tally tally{options.end.publishers, options.expected};
  auto opened = open_inlet(options.end, [&tally](const arrival_view& message) {
    tally.take(message);
  });
  if (!opened) {
    return std::move(opened).error();
  }
  double cpu_before = cpu_seconds();
  console.say("ready");
  bool said_warm = false;
  bool said_result = false;
  for (;;) {
    const std::string command =
        console.next_within(said_warm ? look : look_for_first).value_or("");
    if (!said_warm && tally.is_warm()) {
      said_warm = true;
      console.say("warm");
    }
    const bool is_over = tally.is_complete() || command == "stop";
    if (is_over && !said_result) {
      said_result = true;
      // Nothing more arrives while it is counted.
      if (!tally.is_complete()) {
        opened->reset();
      }
      console.say("result", tally.result_json());
    }
    if (command == "progress") {
      console.say("progress", {{"received", tally.received()}});
    } else if (command == "final") {
      say_final(console, cpu_before);
    } else if (command == "end") {
      return ok();
    }
  }
}

} // namespace dynamo::apps
