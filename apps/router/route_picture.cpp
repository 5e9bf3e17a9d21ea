#include "apps/router/route_picture.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace dynamo::apps {

namespace {

using nlohmann::json;

json overlap_json(const rank_overlap& overlap) {
  return {{"device", overlap.device},
          {"host", overlap.host},
          {"disk", overlap.disk}};
}

json load_json(const std::optional<rank_load>& load) {
  if (!load) {
    return nullptr;
  }
  return {{"active_requests", load->active_requests},
          {"active_prefill_tokens", load->active_prefill_tokens},
          {"active_decode_blocks", load->active_decode_blocks},
          {"expected_output_tokens", load->expected_output_tokens}};
}

json candidate_json(const candidate_report& candidate) {
  const cost_input& input = candidate.input;
  const cost_terms& cost = candidate.cost;
  const std::string_view excluded = to_string(candidate.excluded);
  return {{"worker_id", candidate.rank.worker_id},
          {"dp_rank", candidate.rank.dp_rank},
          {"excluded", excluded.empty() ? json() : json(excluded)},
          {"prompt_tokens", input.prompt_tokens},
          {"request_blocks", input.request_blocks},
          {"overlap", overlap_json(input.overlap)},
          {"shared_blocks", input.shared_blocks},
          {"trust", input.trust},
          {"load", load_json(input.load)},
          {"additional_blocks", input.additional_blocks},
          {"least_prefill_tokens", input.least_prefill_tokens},
          {"preference", input.preference},
          {"cost",
           {{"raw_prefill_blocks", cost.raw_prefill_blocks},
            {"credit", cost.credit},
            {"prefill_blocks", cost.prefill_blocks},
            {"decode_blocks", cost.decode_blocks},
            {"request_blocks", cost.request_blocks},
            {"taint_factor", cost.taint_factor},
            {"total", cost.total}}}};
}

json choice_json(const route_choice& choice) {
  return {{"worker_id", choice.rank.worker_id},
          {"dp_rank", choice.rank.dp_rank},
          {"endpoint", choice.endpoint},
          {"overlap_blocks", choice.overlap_blocks},
          {"request_blocks", choice.request_blocks},
          {"candidates", choice.candidates},
          {"cost", choice.cost.total},
          {"reason", choice.reason},
          {"waited_ms", choice.waited.count()}};
}

json explained(json value, const route_choice& choice) {
  if (!choice.explanation.empty()) {
    json rows = json::array();
    for (const candidate_report& each : choice.explanation) {
      rows.push_back(candidate_json(each));
    }
    value["explanation"] = std::move(rows);
  }
  return value;
}

int status_of(refusal why) {
  switch (why) {
  case refusal::no_worker:
  case refusal::queue_full:
  case refusal::timed_out:
    return 503;
  case refusal::none_allowed:
  case refusal::cancelled:
  case refusal::duplicate:
    return 409;
  case refusal::overloaded:
    // Dynamo's: no number of HTTP's own.
    return 529;
  case refusal::too_large:
    return 413;
  }
  return 503;
}

} // namespace

json to_json(const actors::routed& where, const std::string& request_id) {
  json value = choice_json(where.choice);
  value["request_id"] = request_id;
  value["mode"] = actors::to_string(where.mode);
  if (!where.fallback.empty()) {
    value["fallback"] = where.fallback;
  }
  if (!where.prefill) {
    return explained(std::move(value), where.choice);
  }
  value["prefill"] = explained(choice_json(*where.prefill), *where.prefill);
  value["decode"] = explained(choice_json(where.choice), where.choice);
  return value;
}

http_answer refuse(const route_refusal& reason) {
  return refuse(status_of(reason.why), to_string(reason.why), reason.message);
}

json overlaps_json(const std::vector<rank_overlap>& overlaps) {
  json scores = json::array();
  for (const rank_overlap& overlap : overlaps) {
    json score = overlap_json(overlap);
    score["worker_id"] = overlap.rank.worker_id;
    score["dp_rank"] = overlap.rank.dp_rank;
    scores.push_back(std::move(score));
  }
  return {{"scores", std::move(scores)}};
}

} // namespace dynamo::apps
