#include "apps/bench/roles/codec_role.hpp"

#include "apps/bench/allocation_count.hpp"
#include "apps/bench/process_usage.hpp"
#include "apps/bench/roles/codec_bound.hpp"
#include "dynamo/wire/envelope_codec.hpp"
#include "dynamo/wire/event_codec.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace dynamo::apps {

namespace {

const std::map<std::string, codec_kind> codec_kinds{
    {"wire", codec_kind::wire}, {"bound", codec_kind::bound}};
const std::map<std::string, codec_value> codec_values{
    {"envelope", codec_value::envelope},
    {"kv-events", codec_value::kv_events},
    {"load", codec_value::load},
    {"sequence", codec_value::sequence}};

/// The middle one of so many counts.
constexpr std::size_t rounds = 9;

constexpr std::uint64_t worker_id = 0x7b3a2f9c5d1e8046;

/// Looks like a hash.
std::uint64_t hash_of(std::uint64_t number) {
  return (number + 1) * 0x9e3779b97f4a7c15U | std::uint64_t{1} << 63;
}

/// Lets the compiler believe that the bytes are looked at.
void look_at(const void* bytes) {
  asm volatile("" : : "r"(bytes) : "memory");
}

// -- The values, and how wire/ writes and reads them

struct envelope_case {
  using type = envelope;

  byte_buffer payload = byte_buffer(200, 0x5a);
  envelope value{worker_id, 123'456, 1'764'000'000'000, "kv-events", payload};

  static void encode(const envelope& from, byte_buffer& to) {
    static_cast<void>(encode_envelope(from, to));
  }
  static bool decode(byte_view from, envelope& to) {
    const auto read = decode_envelope(from);
    if (read) {
      to = *read;
    }
    return bool{read};
  }
  static bool are_equal(const envelope& a, const envelope& b) {
    return a.publisher_id == b.publisher_id && a.sequence == b.sequence &&
           a.published_at_ms == b.published_at_ms && a.topic == b.topic &&
           std::equal(a.payload.begin(), a.payload.end(), b.payload.begin(),
                      b.payload.end());
  }
};

struct kv_case {
  using type = router_event;

  explicit kv_case(std::size_t blocks) {
    kv_stored stored;
    stored.parent_hash = hash_of(0);
    for (std::size_t i = 1; i <= blocks; ++i) {
      stored.blocks.push_back({hash_of(i), hash_of(i + 1'000'000), {}});
    }
    value.worker_id = worker_id;
    value.event.event_id = 123'456;
    value.event.data = std::move(stored);
  }

  router_event value;

  static void encode(const router_event& from, byte_buffer& to) {
    encode_kv_events({&from, 1}, payload_generation::v1_4, to);
  }
  static bool decode(byte_view from, router_event& to) {
    kv_events all;
    if (!decode_kv_events(from, unreadable_policy::fail, all)) {
      return false;
    }
    to = std::move(all.front());
    return true;
  }
  static bool are_equal(const router_event& a, const router_event& b) {
    return a == b;
  }
};

struct load_case {
  using type = active_load;

  active_load value{worker_id, 0, 1'234, 56'789, 2'345};

  static void encode(const active_load& from, byte_buffer& to) {
    encode_active_load(from, to);
  }
  static bool decode(byte_view from, active_load& to) {
    const auto read = decode_active_load(from);
    if (read) {
      to = *read;
    }
    return bool{read};
  }
  static bool are_equal(const active_load& a, const active_load& b) {
    return a == b;
  }
};

struct sequence_case {
  using type = active_sequence_event;

  explicit sequence_case(std::size_t blocks) {
    add_request request;
    request.token_sequence.emplace();
    for (std::size_t i = 0; i < blocks; ++i) {
      request.token_sequence->push_back(hash_of(i));
    }
    value.request_id = "9f0c6d7e-8a41-4e0b-b6d4-2f3a5c7e9b10";
    value.worker = {worker_id, 0};
    value.data = std::move(request);
    value.router_id = worker_id ^ 1;
  }

  active_sequence_event value;

  static void encode(const active_sequence_event& from, byte_buffer& to) {
    encode_active_sequences({&from, 1}, payload_generation::v1_4, to);
  }
  static bool decode(byte_view from, active_sequence_event& to) {
    active_sequence_events all;
    if (!decode_active_sequences(from, unreadable_policy::fail, all)) {
      return false;
    }
    to = std::move(all.front());
    return true;
  }
  static bool are_equal(const active_sequence_event& a,
                        const active_sequence_event& b) {
    return a == b;
  }
};

// -- Measuring

struct cost {
  double ns = 0;
  double allocations = 0;
};

/// Of one call of `body`.
template <class Body>
cost cost_of(std::size_t count, Body&& body) {
  const std::size_t each = std::max<std::size_t>(1, count / rounds);
  std::vector<double> times;
  times.reserve(rounds);
  const std::uint64_t before = allocations_of_thread();
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::uint64_t began = monotonic_ns();
    for (std::size_t i = 0; i < each; ++i) {
      body();
    }
    times.push_back(static_cast<double>(monotonic_ns() - began) /
                    static_cast<double>(each));
  }
  const double made = static_cast<double>(allocations_of_thread() - before);
  std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
  return {times[rounds / 2], made / static_cast<double>(each * rounds)};
}

template <class Case>
status measure(const codec_options& options, const Case& with,
               role_console& console) {
  byte_buffer expected;
  Case::encode(with.value, expected);
  byte_buffer memory(bound::room_for(options.blocks));
  memory.resize(static_cast<std::size_t>(
      bound::encode(memory.data(), with.value) - memory.data()));
  typename Case::type read{};
  typename Case::type read_by_bound{};
  if (memory != expected || !Case::decode(expected, read) ||
      !bound::decode(expected, read_by_bound) ||
      !Case::are_equal(read, with.value) ||
      !Case::are_equal(read_by_bound, with.value)) {
    return error{errc::malformed, "the codecs do not agree"};
  }
  memory.resize(bound::room_for(options.blocks));
  const bool is_wire = options.which == codec_kind::wire;
  byte_buffer reused;
  const cost encode = cost_of(options.count, [&] {
    if (is_wire) {
      reused.clear();
      Case::encode(with.value, reused);
      look_at(reused.data());
    } else {
      look_at(bound::encode(memory.data(), with.value));
    }
  });
  const cost fresh = cost_of(rounds, [&] {
    byte_buffer made;
    Case::encode(with.value, made);
    look_at(made.data());
  });
  bool all_read = true;
  const cost decode = cost_of(options.count, [&] {
    typename Case::type made{};
    all_read = (is_wire ? Case::decode(expected, made)
                        : bound::decode(expected, made)) &&
               all_read;
    look_at(&made);
  });
  if (!all_read) {
    return error{errc::malformed, "a value was not read again"};
  }
  console.say("result", {{"bytes", expected.size()},
                         {"encode_ns", encode.ns},
                         {"decode_ns", decode.ns},
                         {"encode_allocations", fresh.allocations},
                         {"decode_allocations", decode.allocations}});
  return ok();
}

} // namespace

void add_codec(CLI::App& app, codec_options& to) {
  app.add_option("--which", to.which)
      ->transform(CLI::CheckedTransformer(codec_kinds));
  app.add_option("--value", to.value)
      ->transform(CLI::CheckedTransformer(codec_values));
  app.add_option("--blocks", to.blocks)->check(CLI::Range(1, 60'000));
  app.add_option("--count", to.count)->check(CLI::PositiveNumber);
}

status run_codec(const codec_options& options, role_console& console) {
  switch (options.value) {
  case codec_value::envelope:
    return measure(options, envelope_case{}, console);
  case codec_value::kv_events:
    return measure(options, kv_case{options.blocks}, console);
  case codec_value::load:
    return measure(options, load_case{}, console);
  case codec_value::sequence:
    return measure(options, sequence_case{options.blocks}, console);
  }
  return ok();
}

} // namespace dynamo::apps
