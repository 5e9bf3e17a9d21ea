#pragma once

#include "dynamo/events/sequence.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo {

/// A request that was sent to a rank, by this router or by another.
struct booking {
  std::string request_id;
  worker_rank rank;
  /// The router that booked it. Requests of different routers are different
  /// ones, whatever their ids.
  std::uint64_t router_id = 0;
  /// Sequence hashes of the prompt's full blocks, from the first on; nothing
  /// when they do not count.
  std::optional<std::vector<std::uint64_t>> sequence;
  /// Prompt tokens that the rank must compute; 0 when they do not count.
  std::uint64_t prefill_tokens = 0;
  /// How long that should take; nothing when nobody knows.
  std::optional<std::chrono::nanoseconds> expected_prefill_duration;
  std::optional<std::uint32_t> expected_output_tokens;
  std::optional<std::string> lora_name;
};

/// Takes out what the wire cannot say: a duration of no tokens, a negative
/// one. Bookings are compared after that.
void normalise(booking& request);

/// A hash of a text that is the same in every process.
std::uint64_t text_hash(std::string_view text);

/// A hash of all that a booking says but its router and its adapter: the id,
/// the rank, the number of blocks and the last one, which names all before it,
/// the tokens, the duration, the expected output. The same in every process.
std::uint64_t fingerprint(const booking& request);

/// What a request adds, by exclusive or, to the digest of its router.
std::uint64_t digest_of(std::uint64_t fingerprint, bool prefill_completed);

/// A digest together with how many requests it is of.
std::uint64_t digest_of_all(std::uint64_t requests, std::uint64_t digest);

/// What is published when a request is booked, and back. `added` is the
/// add_request of `event`.
active_sequence_event added_event(const booking& request);
booking booking_of(const active_sequence_event& event,
                   const add_request& added);

} // namespace dynamo
