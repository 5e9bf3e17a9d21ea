#include "apps/bench/process_usage.hpp"
#include "apps/bench/roles/kv_roles.hpp"
#include "apps/bench/roles/kv_workload.hpp"
#include "apps/bench/roles/serve.hpp"
#include "dynamo/events/topic.hpp"
#include "dynamo/wire/event_codec.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <sys/prctl.h>
#include <thread>
#include <utility>
#include <vector>

namespace dynamo::apps {

namespace {

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

nlohmann::json publish_kv(const kv_pub_options& options, outlets& to,
                          const std::vector<std::vector<byte_buffer>>& all) {
  const double messages_per_s =
      options.rate / static_cast<double>(options.events_per_message);
  std::vector<std::thread> threads;
  std::uint64_t messages = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    messages += all[i].size();
    threads.emplace_back([&to, &all, i, messages_per_s] {
      send_all(to, i, all[i], messages_per_s);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  return {{"sent", messages},
          {"events", options.events * all.size()},
          {"errors", 0}};
}

} // namespace

void add_kv_pub(CLI::App& app, kv_pub_options& to) {
  app.add_option("--events", to.events);
  app.add_option("--events-per-message", to.events_per_message);
  app.add_option("--blocks", to.blocks);
}

status run_kv_pub(kv_pub_options options, role_console& console) {
  options.end.topic = topics::kv_events;
  std::vector<std::vector<byte_buffer>> payloads;
  for (std::size_t i = 0; i < options.end.publishers; ++i) {
    payloads.push_back(payloads_of(options, i));
  }
  auto opened = open_outlets(options.end);
  if (!opened) {
    return std::move(opened).error();
  }
  outlets& to = **opened;
  byte_buffer nothing;
  encode_kv_events({}, payload_generation::v1_4, nothing);
  const auto warm_up = [&] {
    for (std::size_t i = 0; i < options.end.publishers; ++i) {
      to.send(i, nothing);
    }
  };
  serve_publisher({to, options.end.publishers, warm_up,
                   [&] { return publish_kv(options, to, payloads); }},
                  console);
  return ok();
}

} // namespace dynamo::apps
