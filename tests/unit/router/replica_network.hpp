#pragma once

#include "dynamo/router/replica_sync.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

// Routers on a network that loses, repeats, delays and reorders what they say,
// in virtual time.

namespace dynamo {

struct network_weather {
  double loss = 0;
  double repetition = 0;
  /// A message takes up to so long.
  std::chrono::milliseconds delay_max{0};
  /// Events of a router stay in order, as on a connection. States may overtake
  /// them and each other even so.
  bool keeps_order = false;
};

/// A router with what a kv_router does to its replica_sync.
struct replica_node {
  replica_node(std::uint64_t id, const replica_options& options)
      : router_id(id)
      , sync(id, options) {}

  std::uint64_t router_id;
  active_sequences requests;
  replica_sync sync;
  /// Takes part: hears and speaks.
  bool runs = true;
  /// Sends events and nothing else, and ignores what others say.
  bool is_dynamo = false;

  void add(booking request, clock::time_point now) {
    request.router_id = router_id;
    sync.added(request);
    requests.add(std::move(request), now);
  }
  void prefill(const std::string& id, clock::time_point now) {
    if (requests.mark_prefill_completed(router_id, id, now))
      sync.prefill_completed(named(id));
  }
  void free(const std::string& id, clock::time_point now) {
    const booking gone = named(id);
    if (requests.free(router_id, id, now))
      sync.freed(gone);
  }

  /// A client tells this router the end of a request that another booked.
  void free_of(std::uint64_t owner, const std::string& id,
               clock::time_point now) {
    const booking gone = named(id, owner);
    if (requests.free(owner, id, now))
      sync.freed(gone);
  }

  booking named(const std::string& id) const { return named(id, router_id); }
  booking named(const std::string& id, std::uint64_t owner) const {
    booking request;
    request.request_id = id;
    request.router_id = owner;
    if (const auto rank = requests.rank_of(owner, id))
      request.rank = *rank;
    return request;
  }
};

/// What one router holds of another, to be compared.
using held_requests =
    std::set<std::tuple<std::string, worker_rank, std::vector<std::uint64_t>,
                        std::uint64_t, bool>>;

inline held_requests held(const replica_node& node, std::uint64_t owner,
                          clock::time_point now) {
  held_requests all;
  for (const booked_request& each : node.requests.requests(now, owner))
    all.emplace(each.request.request_id, each.request.rank,
                each.request.sequence.value_or(std::vector<std::uint64_t>{}),
                each.request.prefill_tokens, each.prefill_completed);
  return all;
}

class replica_network {
 public:
  explicit replica_network(std::uint64_t seed, replica_options options = {})
      : random(seed)
      , options_(options) {}

  replica_node& join(std::uint64_t id) {
    nodes.push_back(std::make_unique<replica_node>(id, options_));
    return *nodes.back();
  }

  void say(const replica_node& from, const active_sequence_events& events) {
    if (!events.empty())
      broadcast(from.router_id, events);
  }

  /// To all but `from`, each with a fate of its own.
  void
  broadcast(std::uint64_t from,
            const std::variant<active_sequence_events, sequence_state>& what) {
    for (const auto& node : nodes) {
      if (node->router_id == from || !node->runs || node->is_dynamo ||
          chance(weather.loss))
        continue;
      post(from, *node, what);
      if (chance(weather.repetition))
        post(from, *node, what);
    }
  }

  /// Lets time pass; everybody does what is due.
  void run(std::chrono::milliseconds length) {
    for (const auto end = now + length; now < end;) {
      now += step;
      deliver();
      for (const auto& node : nodes) {
        if (!node->runs)
          continue;
        if (!node->is_dynamo)
          node->sync.tick(node->requests, now);
        node->requests.touch_all(node->router_id, now);
        node->requests.expire(now, ttl);
        say(*node, node->sync.take_events());
        for (const sequence_state& state : node->sync.take_states()) {
          if (!node->is_dynamo)
            broadcast(node->router_id, state);
        }
      }
    }
  }

  /// Whether all that run hold the same of all, and the same load.
  bool agree(const std::vector<std::uint64_t>& owners,
             const std::vector<worker_rank>& ranks) const {
    const replica_node* first = nullptr;
    for (const auto& node : nodes) {
      if (!node->runs || node->is_dynamo)
        continue;
      first = first == nullptr ? node.get() : first;
      for (const std::uint64_t owner : owners) {
        if (held(*node, owner, now) != held(*first, owner, now) ||
            node->requests.digest(owner) != first->requests.digest(owner))
          return false;
      }
      for (const worker_rank& rank : ranks) {
        if (node->requests.load(rank, now) != first->requests.load(rank, now))
          return false;
      }
    }
    return true;
  }

  bool chance(double probability) {
    return static_cast<double>(random() % 1'000'000) < probability * 1e6;
  }
  std::uint64_t below(std::uint64_t bound) { return random() % bound; }

  static constexpr std::chrono::milliseconds step{20};
  std::mt19937_64 random;
  network_weather weather;
  std::chrono::milliseconds ttl{300'000};
  clock::time_point now{std::chrono::hours{1}};
  std::vector<std::unique_ptr<replica_node>> nodes;

 private:
  struct message {
    replica_node* to;
    std::variant<active_sequence_events, sequence_state> what;
  };

  void post(std::uint64_t from, replica_node& to,
            std::variant<active_sequence_events, sequence_state> what) {
    const std::chrono::milliseconds delay{
        below(static_cast<std::uint64_t>(weather.delay_max.count()) + 1)};
    clock::time_point when = now + delay;
    if (weather.keeps_order && what.index() == 0) {
      clock::time_point& last = last_[{from, to.router_id}];
      when = last = std::max(last, when);
    }
    messages_.emplace(when, message{&to, std::move(what)});
  }

  void deliver() {
    while (!messages_.empty() && messages_.begin()->first <= now) {
      const message one = std::move(messages_.begin()->second);
      messages_.erase(messages_.begin());
      if (one.to->runs)
        std::visit(
            [&](const auto& what) {
              one.to->sync.apply(what, one.to->requests, now);
            },
            one.what);
    }
  }

  replica_options options_;
  std::multimap<clock::time_point, message> messages_;
  /// When the last events between two routers come.
  std::map<std::pair<std::uint64_t, std::uint64_t>, clock::time_point> last_;
};

} // namespace dynamo
