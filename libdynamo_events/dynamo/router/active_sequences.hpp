#pragma once

#include "dynamo/base/clock.hpp"
#include "dynamo/config/options.hpp"
#include "dynamo/events/sequence.hpp"
#include "dynamo/router/block_uses.hpp"
#include "dynamo/router/booking.hpp"
#include "dynamo/router/prefill_load.hpp"
#include "dynamo/router/slot_list.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dynamo {

/// What the requests booked on one rank make it do.
struct rank_load {
  std::uint64_t active_requests = 0;
  /// Prompt tokens to compute, of requests whose prefill is not completed, as
  /// far as it has not gone on since.
  std::uint64_t active_prefill_tokens = 0;
  /// Distinct prompt blocks in use, and output blocks, rounded.
  std::uint64_t active_decode_blocks = 0;
  /// Sum of what the requests expect to generate, as far as they say.
  std::uint64_t expected_output_tokens = 0;

  bool operator==(const rank_load&) const = default;
};

/// The load of a rank, and what a prompt would add to it.
struct rank_demand {
  rank_load load;
  /// Blocks of the prompt that no request on the rank uses yet.
  std::uint64_t additional_blocks = 0;
};

/// Totals since construction.
struct active_counts {
  std::uint64_t booked = 0;
  std::uint64_t freed = 0;
  /// Booked again by the same router under the same id before the first was
  /// freed: the first one ended.
  std::uint64_t replaced = 0;
  std::uint64_t expired = 0;
  /// Dropped for a limit.
  std::uint64_t evicted = 0;
  /// Gone with their rank, or with their router.
  std::uint64_t removed = 0;
};

/// A picture of one request.
struct booked_request {
  booking request;
  clock::duration age{0};
  bool prefill_completed = false;
  std::uint64_t output_blocks = 0;
};

/// What is known of a request beside its booking.
struct booking_state {
  /// That of the booking.
  std::uint64_t fingerprint = 0;
  bool prefill_completed = false;
  /// Since it was booked at its router.
  clock::duration age{0};
  /// Since it was added here, or its prefill was completed.
  clock::duration unchanged{0};
};

/// The requests in progress, by rank, of this router and of others. Spec:
/// payloads 8.
///
/// A block that several requests on a rank use counts once; one that a single
/// request uses counts that request's weight, 1 unless somebody says less. Time
/// points must not go back; one that does counts as the latest before it.
class active_sequences {
 public:
  explicit active_sequences(active_limits limits = {});

  /// Books a request. One of the same router and id is freed first. `age`: how
  /// long ago its router booked it, when that was not just now.
  void add(booking request, clock::time_point now,
           clock::duration age = clock::duration{0});

  /// The first token is there. False: no such request; true also when
  /// repeated.
  bool mark_prefill_completed(std::uint64_t router_id,
                              std::string_view request_id,
                              clock::time_point now);

  /// The request has generated one more block. `weight` in [0, 1] is what its
  /// own blocks count from now on: those of its prompt that no other request
  /// uses, and those it generated; a caller that knows how far the request has
  /// come says 1 - progress. False: no such request.
  bool add_output_block(std::uint64_t router_id, std::string_view request_id,
                        std::optional<double> weight, clock::time_point now);

  /// The request is over. False: no such request.
  bool free(std::uint64_t router_id, std::string_view request_id,
            clock::time_point now);

  /// The router of a request with this id; of several the one that booked
  /// last. Nothing when there is none.
  std::optional<std::uint64_t> owner_of(std::string_view request_id) const;
  std::optional<worker_rank> rank_of(std::uint64_t router_id,
                                     std::string_view request_id) const;
  std::optional<booking_state> state_of(std::uint64_t router_id,
                                        std::string_view request_id,
                                        clock::time_point now) const;

  /// Somebody who must know says that the request, or all of a router, is
  /// still in progress: it expires `ttl` from now at the earliest.
  bool touch(std::uint64_t router_id, std::string_view request_id,
             clock::time_point now);
  void touch_all(std::uint64_t router_id, clock::time_point now);

  /// Drops requests that were last heard of `ttl` ago or earlier; says how
  /// many.
  std::size_t expire(clock::time_point now, clock::duration ttl);

  /// Both say how many requests went.
  std::size_t remove_rank(const worker_rank& rank);
  std::size_t remove_router(std::uint64_t router_id);

  /// Nothing when no request is booked there.
  std::optional<rank_load> load(const worker_rank& rank,
                                clock::time_point now) const;

  /// The same, with what a prompt would add.
  std::optional<rank_demand> demand(const worker_rank& rank,
                                    std::span<const std::uint64_t> sequence,
                                    clock::time_point now) const;

  /// All requests, of one router or of all, in the order of their booking.
  std::vector<booked_request>
  requests(clock::time_point now,
           std::optional<std::uint64_t> router_id = std::nullopt) const;

  using visitor = std::function<void(const booking&, const booking_state&)>;
  /// Shows all requests of a router, without copying them. The visitor must not
  /// change anything here.
  void visit(std::uint64_t router_id, clock::time_point now,
             const visitor& visit) const;

  std::size_t size() const { return by_id_.size(); }
  std::size_t size(std::uint64_t router_id) const;
  /// The exclusive or of digest_of() of all requests of a router.
  std::uint64_t digest(std::uint64_t router_id) const;
  active_counts counts() const { return counts_; }

 private:
  /// In fractions of a block, so that sums stay exact.
  static constexpr unsigned weight_bits = 30;
  static constexpr std::uint64_t weight_one = std::uint64_t{1} << weight_bits;

  /// A rank and how many of its blocks are shared, and so on.
  struct rank_state {
    std::uint64_t expected_output_tokens = 0;
    prefill_load prefills;
    block_uses uses;
    /// Blocks with more than one user.
    std::uint64_t shared_blocks = 0;
    /// All other blocks, prompt and output, each with its weight.
    std::uint64_t own_weight = 0;
    slot_list requests;
  };

  struct router_state {
    /// What was heard of longest ago first.
    slot_list requests;
    /// All of them were heard of at this time, if not later.
    clock::time_point touched{};
    std::uint64_t digest = 0;
  };

  struct rank_hash {
    std::size_t operator()(const worker_rank& rank) const {
      return static_cast<std::size_t>(
          (rank.worker_id ^ (std::uint64_t{rank.dp_rank} << 48)) *
              0x9e3779b97f4a7c15U >>
          7);
    }
  };

  /// References to elements of both stay valid until the element goes.
  using rank_map = std::unordered_map<worker_rank, rank_state, rank_hash>;
  using router_map = std::map<std::uint64_t, router_state>;

  /// The lists that an entry is in.
  enum list_kind : std::size_t { by_booking, by_rank, by_hearing, list_count };

  struct entry {
    booking request;
    std::uint64_t fingerprint = 0;
    /// Counts up with every booking.
    std::uint64_t number = 0;
    clock::time_point booked{};
    clock::time_point changed{};
    clock::time_point heard{};
    rank_map::value_type* rank = nullptr;
    router_map::value_type* router = nullptr;
    /// Nothing once the prefill is completed, or when it does not count.
    std::optional<prefill_load::place> prefill;
    bool prefill_completed = false;
    /// Blocks of the prompt that no other request on the rank uses.
    std::uint64_t own_blocks = 0;
    std::uint64_t output_blocks = 0;
    std::uint64_t weight = weight_one;
    std::array<slot_link, list_count> links;
  };

  auto links(list_kind kind) {
    return [this, kind](std::uint32_t slot) -> slot_link& {
      return slots_[slot].links[kind];
    };
  }

  /// no_slot when there is none.
  std::uint32_t find(std::uint64_t router_id,
                     std::string_view request_id) const;
  std::uint32_t take_slot();
  void use_blocks(std::uint32_t slot);
  void release_blocks(std::uint32_t slot);
  void hear(std::uint32_t slot);
  void drop(std::uint32_t slot);
  void evict();
  clock::time_point advance(clock::time_point now);
  static rank_load load_of(const rank_state& of, clock::time_point now);
  booking_state state(const entry& of, clock::time_point now) const;

  active_limits limits_;
  /// A place stays where it is; free ones are kept for the next.
  std::deque<entry> slots_;
  std::vector<std::uint32_t> free_slots_;
  /// The keys point into the entries.
  std::unordered_multimap<std::string_view, std::uint32_t> by_id_;
  rank_map ranks_;
  router_map routers_;
  /// The oldest booking first.
  slot_list bookings_;
  std::uint64_t next_number_ = 0;
  std::size_t blocks_ = 0;
  clock::time_point latest_{};
  active_counts counts_;
};

} // namespace dynamo
