#include "dynamo/router/booking.hpp"

#include <algorithm>

namespace dynamo {

namespace {

/// Takes one more number into a hash. The steps are those of splitmix64; they
/// are part of what replicas compare, so they must not change.
std::uint64_t fold(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) + 0x9e3779b97f4a7c15U;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9U;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebU;
  return hash ^ (hash >> 31);
}

} // namespace

void normalise(booking& request) {
  auto& duration = request.expected_prefill_duration;
  if (request.prefill_tokens == 0)
    duration.reset();
  if (duration)
    duration = std::max(*duration, std::chrono::nanoseconds{0});
}

std::uint64_t text_hash(std::string_view text) {
  std::uint64_t hash = text.size();
  while (!text.empty()) {
    std::uint64_t word = 0;
    // Byte by byte, so that the order of bytes of the machine does not count.
    const std::size_t size = std::min<std::size_t>(text.size(), 8);
    for (std::size_t i = 0; i < size; ++i)
      word |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
    hash = fold(hash, word);
    text.remove_prefix(size);
  }
  return hash;
}

std::uint64_t fingerprint(const booking& request) {
  std::uint64_t hash = text_hash(request.request_id);
  hash = fold(hash, request.rank.worker_id);
  hash = fold(hash, request.rank.dp_rank);
  // One more than there are, so that no sequence is not an empty one.
  hash = fold(hash, request.sequence ? request.sequence->size() + 1 : 0);
  if (request.sequence && !request.sequence->empty())
    hash = fold(hash, request.sequence->back());
  hash = fold(hash, request.prefill_tokens);
  const auto& duration = request.expected_prefill_duration;
  hash = fold(hash,
              duration ? static_cast<std::uint64_t>(duration->count()) + 1 : 0);
  const auto& expected = request.expected_output_tokens;
  return fold(hash, expected ? std::uint64_t{*expected} + 1 : 0);
}

std::uint64_t digest_of(std::uint64_t fingerprint, bool prefill_completed) {
  return fold(fingerprint, prefill_completed ? 1 : 0);
}

std::uint64_t digest_of_all(std::uint64_t requests, std::uint64_t digest) {
  return fold(digest, requests);
}

active_sequence_event added_event(const booking& request) {
  add_request added;
  added.token_sequence = request.sequence;
  added.track_prefill_tokens = request.prefill_tokens > 0;
  added.expected_output_tokens = request.expected_output_tokens;
  if (added.track_prefill_tokens)
    added.prefill_hint = prefill_load_hint{request.prefill_tokens,
                                           request.expected_prefill_duration};
  return {.request_id = request.request_id,
          .worker = request.rank,
          .data = std::move(added),
          .router_id = request.router_id,
          .lora_name = request.lora_name};
}

booking booking_of(const active_sequence_event& event,
                   const add_request& added) {
  booking request{.request_id = event.request_id,
                  .rank = event.worker,
                  .router_id = event.router_id,
                  .sequence = added.token_sequence,
                  .prefill_tokens = 0,
                  .expected_prefill_duration = std::nullopt,
                  .expected_output_tokens = added.expected_output_tokens,
                  .lora_name = event.lora_name};
  if (added.track_prefill_tokens && added.prefill_hint) {
    request.prefill_tokens =
        added.prefill_hint->initial_effective_prefill_tokens;
    request.expected_prefill_duration =
        added.prefill_hint->expected_prefill_duration;
  }
  normalise(request);
  return request;
}

} // namespace dynamo
