#pragma once

#include "actors/routing.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

// What the router hears and answers, beside the events and records that
// actors/messages.hpp describes.

namespace dynamo::actors {

/// To the router. Answered by worker_chosen.
struct choose_worker {
  std::shared_ptr<const route_query> query;
};

struct worker_chosen {
  /// Nothing when no worker can take it; then there is a reason.
  std::optional<route_choice> choice;
  std::optional<error> refusal;
};

/// To the router: a request's first token is there. Answered by
/// request_noted.
struct request_prefilled {
  std::string request_id;
};

/// To the router: a request is over. Answered by request_noted.
struct request_ended {
  std::string request_id;
};

struct request_noted {
  bool known = false;
};

/// To the router. Answered by overlaps_found.
struct find_overlaps {
  std::shared_ptr<const std::vector<std::uint64_t>> local;
};

struct overlaps_found {
  std::vector<rank_overlap> overlaps;
};

/// To the router. Answered by router_report.
struct report_router {};

/// To the router. Answered by index_report.
struct report_index {};

struct index_report {
  std::vector<rank_blocks> ranks;
};

} // namespace dynamo::actors
