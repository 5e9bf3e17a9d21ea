#include "apps/bench/process_usage.hpp"
#include "apps/bench/roles/kv_roles.hpp"
#include "apps/bench/roles/kv_workload.hpp"
#include "apps/bench/roles/roles.hpp"
#include "dynamo/events/topic.hpp"
#include "dynamo/wire/event_codec.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <sys/prctl.h>
#include <thread>
#include <utility>
#include <vector>

namespace dynamo::apps {

namespace {

using namespace std::chrono_literals;

constexpr auto kv_warm_up_pause = 5ms;

/// One publisher's payloads, encoded.
std::vector<byte_buffer> payloads_of(const kv_pub_options& options,
                                     std::uint64_t number) {
  kv_workload worker{number, number + 1, options.blocks};
  std::vector<byte_buffer> all;
  for (std::uint64_t left = options.events; left > 0;) {
    const auto count =
        std::min<std::uint64_t>(left, options.events_per_message);
    kv_events message;
    for (std::uint64_t i = 0; i < count; ++i) {
      message.push_back(worker.next());
    }
    byte_buffer& payload = all.emplace_back();
    encode_kv_events(message, payload_generation::v1_4, payload);
    left -= count;
  }
  return all;
}

void send_all(outlets& to, std::size_t publisher,
              const std::vector<byte_buffer>& payloads, double messages_per_s) {
  prctl(PR_SET_TIMERSLACK, 1);
  const std::uint64_t began = monotonic_ns();
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    if (messages_per_s > 0) {
      sleep_until_ns(began + static_cast<std::uint64_t>(static_cast<double>(i) /
                                                        messages_per_s * 1e9));
    }
    to.send(publisher, payloads[i]);
  }
}

std::string warm_up_kv(outlets& to, std::size_t publishers,
                       role_console& console) {
  byte_buffer nothing;
  encode_kv_events({}, payload_generation::v1_4, nothing);
  for (;;) {
    for (std::size_t i = 0; i < publishers; ++i) {
      to.send(i, nothing);
    }
    if (auto command = console.next_within(kv_warm_up_pause)) {
      return *std::move(command);
    }
  }
}

void publish_kv(const kv_pub_options& options, outlets& to,
                const std::vector<std::vector<byte_buffer>>& payloads,
                role_console& console) {
  const double messages_per_s =
      options.rate / static_cast<double>(options.events_per_message);
  const double cpu_before = cpu_seconds();
  const std::uint64_t began = monotonic_ns();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    threads.emplace_back([&to, &payloads, i, messages_per_s] {
      send_all(to, i, payloads[i], messages_per_s);
    });
  }
  std::uint64_t messages = 0;
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    threads[i].join();
    messages += payloads[i].size();
  }
  to.flush();
  const double elapsed_s = static_cast<double>(monotonic_ns() - began) * 1e-9;
  const process_usage used = usage_now();
  console.say("result", {{"sent", messages},
                         {"events", options.events * payloads.size()},
                         {"errors", 0},
                         {"elapsed_s", elapsed_s},
                         {"cpu_s", used.cpu_s - cpu_before},
                         {"peak_rss_bytes", used.rss_peak_bytes},
                         {"threads", used.threads}});
}

} // namespace

void add_kv_pub(CLI::App& app, kv_pub_options& to) {
  app.add_option("--events", to.events);
  app.add_option("--events-per-message", to.events_per_message);
  app.add_option("--blocks", to.blocks);
  app.add_option("--first-worker", to.first_worker);
}

status run_kv_pub(kv_pub_options options, role_console& console) {
  options.end.topic = topics::kv_events;
  std::vector<std::vector<byte_buffer>> payloads;
  for (std::size_t i = 0; i < options.end.publishers; ++i) {
    payloads.push_back(payloads_of(options, options.first_worker + i));
  }
  auto opened = open_outlets(options.end);
  if (!opened) {
    return std::move(opened).error();
  }
  outlets& to = **opened;
  double cpu_before = cpu_seconds();
  console.say("ready", {{"endpoints", to.endpoints()}});
  std::string command = console.next();
  while (command != "end") {
    if (command == "warm") {
      command = warm_up_kv(to, options.end.publishers, console);
      continue;
    }
    if (command == "go") {
      cpu_before = cpu_seconds();
      publish_kv(options, to, payloads, console);
    } else if (command == "final") {
      say_final(console, cpu_before);
    }
    command = console.next();
  }
  return ok();
}

} // namespace dynamo::apps
