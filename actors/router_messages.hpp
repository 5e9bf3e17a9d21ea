#pragma once

#include "actors/routing.hpp"

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

// What the router hears and answers, beside the events and records that
// actors/messages.hpp describes.

namespace dynamo::actors {

/// To the router. Answered by worker_chosen; by a parked request not before it
/// is released.
struct choose_worker {
  std::shared_ptr<const route_request> request;
  /// What block_lookup found for it.
  std::shared_ptr<const std::vector<rank_overlap>> overlaps;
};

struct worker_chosen {
  std::variant<route_choice, route_refusal> outcome;
};

/// To the router: a request's first token is there. Answered by
/// request_noted.
struct request_prefilled {
  std::string request_id;
};

/// To the router: a request has generated a block. Answered by request_noted.
struct request_grew {
  std::string request_id;
  std::optional<double> progress;
};

/// To the router: a request is over. Answered by request_noted.
struct request_ended {
  std::string request_id;
};

struct request_noted {
  bool known = false;
};

/// To the router, once: answered by lookup_shared.
struct share_lookup {};

struct lookup_shared {
  std::shared_ptr<const block_lookup> lookup;
};

/// To the router. Answered by pool_shown.
struct report_router {};

struct pool_shown {
  pool_report pool;
  std::vector<timeline_entry> timeline;
};

/// To the router. Answered by index_report.
struct report_index {};

struct index_report {
  std::vector<rank_blocks> ranks;
};

/// To the router. Answered by pool_requests.
struct report_requests {};

/// Router to itself: what is to be said to other routers is due.
struct sync_due {};

} // namespace dynamo::actors
