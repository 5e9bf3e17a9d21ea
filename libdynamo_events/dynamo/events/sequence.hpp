#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace dynamo {

/// One rank of one worker.
struct worker_rank {
  std::uint64_t worker_id = 0;
  std::uint32_t dp_rank = 0;

  auto operator<=>(const worker_rank&) const = default;
};

/// What a router expects of a request's prefill.
struct prefill_load_hint {
  /// Prompt tokens that are not cached.
  std::uint64_t initial_effective_prefill_tokens = 0;
  std::optional<std::chrono::nanoseconds> expected_prefill_duration;

  bool operator==(const prefill_load_hint&) const = default;
};

/// A request was sent to a worker.
struct add_request {
  std::optional<std::vector<std::uint64_t>> token_sequence;
  bool track_prefill_tokens = true;
  std::optional<std::uint32_t> expected_output_tokens;
  std::optional<prefill_load_hint> prefill_hint;

  bool operator==(const add_request&) const = default;
};

/// A request is over.
struct free_request {
  bool operator==(const free_request&) const = default;
};

/// A request's first token is there.
struct mark_prefill_completed {
  bool operator==(const mark_prefill_completed&) const = default;
};

/// One step in the life of a request, as router replicas tell each other.
struct active_sequence_event {
  std::string request_id;
  worker_rank worker;
  std::variant<add_request, free_request, mark_prefill_completed> data;
  std::uint64_t router_id = 0;
  std::optional<std::string> lora_name;

  bool operator==(const active_sequence_event&) const = default;
};

/// The payload of one active_sequences_events message (ZMQ, 1.4 and later).
using active_sequence_events = std::vector<active_sequence_event>;

/// Readers refuse a batch beyond this.
inline constexpr std::size_t active_sequence_events_per_message_max = 256;

/// A session stays with a worker.
struct session_affinity_update {
  std::string session_id;
  std::uint64_t worker_id = 0;
  std::optional<std::uint32_t> dp_rank;
  std::uint64_t router_id = 0;

  bool operator==(const session_affinity_update&) const = default;
};

/// Progress of a prefill, as Dynamo before 1.4 had it; nobody sends it today.
struct prefill_event {
  struct new_prefill {
    std::uint64_t tokens = 0;
    bool operator==(const new_prefill&) const = default;
  };
  struct update_prefill {
    std::uint64_t tokens = 0;
    bool operator==(const update_prefill&) const = default;
  };
  struct complete_prefill {
    bool operator==(const complete_prefill&) const = default;
  };

  std::string request_id;
  std::uint64_t worker_id = 0;
  std::variant<complete_prefill, new_prefill, update_prefill> data;
  std::uint64_t router_id = 0;

  bool operator==(const prefill_event&) const = default;
};

} // namespace dynamo
