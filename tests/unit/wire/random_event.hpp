#pragma once

#include "dynamo/events/event.hpp"

#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace dynamo {

/// Makes events of all shapes, the same ones for the same seed. Numbers are of
/// every width, texts of every length class that msgpack has up to 16 bits.
class random_event {
 public:
  explicit random_event(std::uint64_t seed)
      : random_(seed) {}

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool chance() { return below(2) == 0; }

  std::uint64_t number() { return random_() >> below(64); }
  std::uint32_t number32() {
    return static_cast<std::uint32_t>(random_() >> (32 + below(32)));
  }
  double real() { return static_cast<double>(number()) / 1024; }

  std::string text() {
    static constexpr std::size_t lengths[] = {0, 1, 7, 31, 32, 255, 256, 300};
    return std::string(lengths[below(8)], static_cast<char>('a' + below(26)));
  }

  std::vector<std::uint64_t> numbers(std::uint64_t count_max) {
    std::vector<std::uint64_t> values(below(count_max + 1));
    for (std::uint64_t& value : values) {
      value = number();
    }
    return values;
  }

  template <class Make>
  auto maybe(Make make) {
    return chance() ? std::optional{make()} : std::nullopt;
  }

  kv_block block() {
    kv_block made{number(), number(), {}};
    if (below(8) == 0) {
      std::vector<mm_object>& objects = made.mm_objects.emplace(below(3));
      for (mm_object& object : objects) {
        object.mm_hash = number();
        object.offsets.resize(below(3));
        for (auto& range : object.offsets) {
          range = {number(), number()};
        }
      }
    }
    return made;
  }

  kv_cache_event cache_event() {
    kv_cache_event made;
    made.event_id = number();
    made.dp_rank = number32();
    switch (below(4)) {
    case 0:
      made.data = kv_cleared{};
      break;
    case 1:
      made.data = kv_removed{numbers(20)};
      break;
    default: {
      auto& stored = made.data.emplace<kv_stored>();
      stored.parent_hash = maybe([&] { return number(); });
      stored.start_position = maybe([&] { return number32(); });
      for (std::uint64_t left = below(20); left > 0; --left) {
        stored.blocks.push_back(block());
      }
    }
    }
    return made;
  }

  router_event router() {
    router_event made;
    made.worker_id = number();
    made.tier = static_cast<storage_tier>(below(storage_tier_count));
    made.domain = maybe([&] {
      return chance() ? residency_domain::worker
                      : residency_domain::cache_owner;
    });
    made.event = cache_event();
    if (below(8) == 0) {
      made.state_source = {0x81, 0xa4, 's', 'l', 'o', 't', 0x07};
    }
    made.session_id = maybe([&] { return text(); });
    return made;
  }

  kv_events kv(std::uint64_t count_max) {
    kv_events made(below(count_max + 1));
    for (router_event& one : made) {
      one = router();
    }
    return made;
  }

  active_sequence_event sequence() {
    active_sequence_event made;
    made.request_id = text();
    made.worker = {number(), number32()};
    made.router_id = number();
    made.lora_name = maybe([&] { return text(); });
    switch (below(3)) {
    case 0:
      made.data = free_request{};
      break;
    case 1:
      made.data = mark_prefill_completed{};
      break;
    default: {
      auto& added = made.data.emplace<add_request>();
      added.token_sequence = maybe([&] { return numbers(20); });
      added.track_prefill_tokens = chance();
      added.expected_output_tokens = maybe([&] { return number32(); });
      added.prefill_hint = maybe([&] {
        return prefill_load_hint{
            number(),
            maybe([&] { return std::chrono::nanoseconds{number() >> 1}; })};
      });
    }
    }
    return made;
  }

  active_sequence_events sequences(std::uint64_t count_max) {
    active_sequence_events made(below(count_max + 1));
    for (active_sequence_event& one : made) {
      one = sequence();
    }
    return made;
  }

  active_load load() {
    const auto some = [&] { return number(); };
    return {number(), number32(), maybe(some), maybe(some), maybe(some)};
  }

  session_affinity_update affinity() {
    return {text(), number(), maybe([&] { return number32(); }), number()};
  }

  tracked_request tracked() {
    tracked_request made;
    do {
      made.added = sequence();
    } while (!std::holds_alternative<add_request>(made.added.data));
    made.prefill_completed = chance();
    made.age =
        std::chrono::milliseconds{static_cast<std::int64_t>(number() >> 1)};
    return made;
  }

  sequence_state state(std::uint64_t count_max) {
    sequence_state made;
    made.router_id = number();
    switch (below(3)) {
    case 0:
      made.data = sequence_summary{number(), number()};
      break;
    case 1:
      made.data = sequence_wanted{number()};
      break;
    default: {
      auto& part = made.data.emplace<sequence_snapshot>();
      part.number = number();
      part.parts = 1 + static_cast<std::uint32_t>(below(snapshot_parts_max));
      part.part = static_cast<std::uint32_t>(below(part.parts));
      part.requests.resize(below(count_max + 1));
      for (tracked_request& one : part.requests) {
        one = tracked();
      }
    }
    }
    return made;
  }

  forward_pass_metrics pass() {
    return {number(),
            text(),
            number(),
            number(),
            real(),
            {number(), number(), real(), number(), number(), number(), real()},
            {number(), number(), real(), number(), number(), real()}};
  }

 private:
  std::mt19937_64 random_;
};

} // namespace dynamo
