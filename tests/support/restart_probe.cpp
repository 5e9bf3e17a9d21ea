// One end of the measurement that scripts/restarts.py makes: publishes numbers
// or counts them, with the event plane or with cnats alone as its documentation
// recommends for long outages. Ends with SIGTERM and a line of JSON.
//
//   restart_probe {ours|raw} {publish|subscribe} SERVERS RATE

#include "actors/event_plane.hpp"

#include <nats/nats.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using namespace dynamo;
using namespace std::chrono_literals;

constexpr const char* raw_subject = "restarts.raw";
constexpr std::size_t numbers_max = 4'000'000;

std::atomic<bool> is_over = false;

void end(int /*signal*/) {
  is_over = true;
}

/// Which numbers came, and how often.
class tally {
 public:
  void take(std::uint64_t number) {
    const std::lock_guard guard{mutex_};
    if (number >= numbers_max || seen_[number]) {
      ++repeated_;
      return;
    }
    seen_[number] = true;
    ++received_;
  }

  void print(const char* way) {
    const std::lock_guard guard{mutex_};
    std::printf("{\"event\":\"result\",\"way\":\"%s\",\"received\":%llu,"
                "\"repeated\":%llu}\n",
                way, static_cast<unsigned long long>(received_),
                static_cast<unsigned long long>(repeated_));
  }

 private:
  std::mutex mutex_;
  std::vector<bool> seen_ = std::vector<bool>(numbers_max);
  std::uint64_t received_ = 0;
  std::uint64_t repeated_ = 0;
};

/// Calls `publish` with 0, 1, 2, ... at `rate` a second until the end.
template <class Publish>
std::uint64_t publish_numbers(double rate, Publish publish) {
  const auto began = std::chrono::steady_clock::now();
  std::uint64_t number = 0;
  while (!is_over) {
    const std::chrono::duration<double> passed =
        std::chrono::steady_clock::now() - began;
    while (static_cast<double>(number) < passed.count() * rate) {
      publish(number++);
    }
    std::this_thread::sleep_for(5ms);
  }
  return number;
}

void print_published(const char* way, std::uint64_t published,
                     std::uint64_t failed) {
  std::printf("{\"event\":\"result\",\"way\":\"%s\",\"published\":%llu,"
              "\"failed\":%llu}\n",
              way, static_cast<unsigned long long>(published),
              static_cast<unsigned long long>(failed));
}

void say_started() {
  std::printf("{\"event\":\"started\"}\n");
  std::fflush(stdout);
}

// -- The event plane

int run_ours(bool publishes, const char* servers, double rate) {
  plane_options options;
  options.transport = transport_kind::nats;
  options.nats.servers = servers;
  options.discovery.backend = discovery_kind::memory;
  auto plane = actors::event_plane::start(options, {});
  if (!plane) {
    std::fprintf(stderr, "%s\n", plane.error().message.c_str());
    return 1;
  }
  const auto owner = scope::of_component("restarts", "probe");
  if (publishes) {
    auto out =
        (*plane)->advertise({owner, std::string{topics::kv_metrics}, {}, {}});
    say_started();
    const auto published = publish_numbers(rate, [&](std::uint64_t number) {
      active_load load;
      load.kv_used_blocks = number;
      out.publish(load);
    });
    (*plane)->stop(10s);
    print_published("ours", published, out.buffered().dropped);
    return 0;
  }
  tally seen;
  (*plane)->subscribe(
      owner, topics::kv_metrics,
      {[&](const actors::received_event& event) {
         seen.take(*std::get<active_load>(event.value).kv_used_blocks);
       },
       {}});
  say_started();
  while (!is_over) {
    std::this_thread::sleep_for(20ms);
  }
  (*plane)->stop();
  seen.print("ours");
  return 0;
}

// -- cnats alone

void on_message(natsConnection* /*connection*/, natsSubscription* /*from*/,
                natsMsg* message, void* closure) {
  std::uint64_t number = 0;
  if (natsMsg_GetDataLength(message) == sizeof number) {
    std::memcpy(&number, natsMsg_GetData(message), sizeof number);
    static_cast<tally*>(closure)->take(number);
  }
  natsMsg_Destroy(message);
}

int run_raw(bool publishes, const char* servers, double rate) {
  natsOptions* options = nullptr;
  natsConnection* connection = nullptr;
  natsSubscription* subscription = nullptr;
  tally seen;
  const std::string url = std::string{"nats://"} + servers;
  natsOptions_Create(&options);
  natsOptions_SetURL(options, url.c_str());
  natsOptions_SetMaxReconnect(options, -1);
  natsOptions_SetReconnectWait(options, 100);
  natsOptions_SetReconnectJitter(options, 100, 100);
  natsOptions_SetReconnectBufSize(options, 64 * 1024 * 1024);
  if (natsConnection_Connect(&connection, options) != NATS_OK) {
    std::fprintf(stderr, "no connection to %s\n", url.c_str());
    return 1;
  }
  if (publishes) {
    say_started();
    std::uint64_t failed = 0;
    const auto published = publish_numbers(rate, [&](std::uint64_t number) {
      const natsStatus sent = natsConnection_Publish(connection, raw_subject,
                                                     &number, sizeof number);
      failed += sent == NATS_OK ? 0 : 1;
    });
    natsConnection_FlushTimeout(connection, 10'000);
    print_published("raw", published, failed);
  } else {
    natsConnection_Subscribe(&subscription, connection, raw_subject, on_message,
                             &seen);
    natsConnection_Flush(connection);
    say_started();
    while (!is_over) {
      std::this_thread::sleep_for(20ms);
    }
    seen.print("raw");
  }
  natsSubscription_Destroy(subscription);
  natsConnection_Destroy(connection);
  natsOptions_Destroy(options);
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv, argv + argc);
  if (words.size() != 5 || (words[1] != "ours" && words[1] != "raw") ||
      (words[2] != "publish" && words[2] != "subscribe")) {
    std::fprintf(stderr, "usage: restart_probe {ours|raw} {publish|subscribe} "
                         "HOST:PORT RATE\n");
    return 2;
  }
  std::signal(SIGTERM, end);
  const bool publishes = words[2] == "publish";
  const double rate = std::strtod(argv[4], nullptr);
  return words[1] == "ours" ? run_ours(publishes, argv[3], rate)
                            : run_raw(publishes, argv[3], rate);
}
