#include "apps/router/route_body.hpp"

#include "apps/app/json_body.hpp"
#include "apps/app/prompt.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace dynamo::apps {

namespace {

using nlohmann::json;

constexpr std::uint64_t any_integer = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t rank_max = std::numeric_limits<std::uint32_t>::max();
constexpr number_range positive_weight{0, weight_max};
constexpr number_range any_weight{-weight_max, weight_max};
constexpr number_range prefill_ms{0, 86'400'000};

constexpr auto route_members = std::to_array<std::string_view>(
    {"request_id", "tokens", "block_hashes", "input_tokens", "lora_name",
     "cache_salt", "expected_output_tokens", "priority", "strict_priority",
     "overrides", "worker_id", "dp_rank", "allowed_worker_ids",
     "required_taints", "preferred_taints", "shared_blocks",
     "expected_prefill_ms", "only_ask"});
constexpr auto override_members = std::to_array<std::string_view>(
    {"overlap_score_credit", "overlap_score_credit_decay", "prefill_load_scale",
     "temperature", "shared_cache_multiplier", "assume_kv_reuse",
     "track_prefill_tokens"});
constexpr auto overlap_members =
    std::to_array<std::string_view>({"block_hashes"});
constexpr auto progress_members = std::to_array<std::string_view>({"progress"});

/// Puts what was read where it belongs, and remembers the first error.
class taker {
 public:
  template <class Read, class To>
  void take(result<Read> read, To& to) {
    if (!read) {
      fail(std::move(read).error());
    } else {
      to = *std::move(read);
    }
  }
  /// Integers that are known to fit.
  void take(result<std::optional<std::uint64_t>> read,
            std::optional<std::uint32_t>& to) {
    if (!read) {
      fail(std::move(read).error());
    } else if (*read) {
      to = static_cast<std::uint32_t>(**read);
    }
  }
  void check(status done) {
    if (!done) {
      fail(done.error());
    }
  }
  const status& done() const { return done_; }

 private:
  void fail(error reason) {
    if (done_) {
      done_ = std::move(reason);
    }
  }

  status done_;
};

status read_overrides(const json& members, cost_overrides& overrides) {
  const auto found = members.find("overrides");
  if (found == members.end() || found->is_null()) {
    return ok();
  }
  if (!found->is_object()) {
    return error{errc::invalid, "overrides: expected an object"};
  }
  taker all;
  all.check(only_members(*found, override_members));
  const auto weight = [&](std::string_view name, std::optional<double>& to) {
    all.take(optional_number_of(*found, name, positive_weight), to);
  };
  weight("overlap_score_credit", overrides.overlap_score_credit);
  weight("overlap_score_credit_decay", overrides.overlap_score_credit_decay);
  weight("prefill_load_scale", overrides.prefill_load_scale);
  weight("temperature", overrides.temperature);
  weight("shared_cache_multiplier", overrides.shared_cache_multiplier);
  all.take(optional_boolean_of(*found, "assume_kv_reuse"),
           overrides.assume_kv_reuse);
  all.take(optional_boolean_of(*found, "track_prefill_tokens"),
           overrides.track_prefill_tokens);
  return all.done() ? ok()
                    : error{all.done().error().code,
                            "overrides: " + all.done().error().message};
}

/// Where the request may run.
void read_place(const json& members, route_request& request, taker& all) {
  all.take(optional_integer_of(members, "worker_id", any_integer),
           request.pinned_worker);
  all.take(optional_integer_of(members, "dp_rank", rank_max),
           request.pinned_rank);
  if (request.pinned_rank && !request.pinned_worker) {
    all.check(error{errc::invalid, "dp_rank: expected with worker_id"});
  }
  if (members.contains("allowed_worker_ids")) {
    all.take(integers_of(members, "allowed_worker_ids", any_integer,
                         allowed_workers_max),
             request.allowed_workers);
    if (all.done() && request.allowed_workers.empty()) {
      all.check(error{errc::invalid,
                      "allowed_worker_ids: expected at least one worker"});
    }
  }
  constexpr texts_limits taints{taints_max, taint_bytes_max};
  all.take(optional_texts_of(members, "required_taints", taints),
           request.required_taints);
  all.take(optional_weights_of(members, "preferred_taints", taints, any_weight),
           request.preferred_taints);
}

/// How it is to be treated.
void read_wishes(const json& members, route_request& request, taker& all) {
  all.take(optional_integer_of(members, "expected_output_tokens", rank_max),
           request.expected_output_tokens);
  std::optional<double> priority;
  all.take(optional_number_of(members, "priority", any_weight), priority);
  request.priority = priority.value_or(0);
  std::optional<std::uint32_t> strict;
  all.take(optional_integer_of(members, "strict_priority", rank_max), strict);
  request.strict_priority = strict.value_or(0);
  std::optional<std::uint32_t> shared;
  all.take(optional_integer_of(members, "shared_blocks", rank_max), shared);
  request.shared_blocks = shared.value_or(0);
  std::optional<double> prefill;
  all.take(optional_number_of(members, "expected_prefill_ms", prefill_ms),
           prefill);
  if (prefill) {
    request.expected_prefill_duration =
        std::chrono::duration_cast<std::chrono::nanoseconds>(
            std::chrono::duration<double, std::milli>{*prefill});
  }
  bool only_ask = false;
  all.take(boolean_of(members, "only_ask", false), only_ask);
  request.mode = only_ask ? booking_mode::only_ask : booking_mode::book;
  all.take(optional_text_of(members, "lora_name", hash_name_bytes_max),
           request.lora_name);
  all.check(read_overrides(members, request.overrides));
}

status read_prompt(const prompt_body& body, const route_limits& limits,
                   route_request& request) {
  // Of what remains of the last block there is no hash.
  const std::uint64_t tokens_max =
      std::uint64_t{limits.blocks_max} * limits.block_size + limits.block_size -
      1;
  auto read = prompt_of(body, limits.block_size,
                        std::min(tokens_max, prompt_tokens_max));
  if (!read) {
    return read.error();
  }
  request.prompt_tokens = read->tokens;
  request.local = std::move(read->local);
  return ok();
}

/// An object that has only such members; an empty body is an empty object.
template <std::size_t Count>
result<json> object_with(std::string_view body,
                         const std::array<std::string_view, Count>& names) {
  auto members = body.empty() ? result<json>{json::object()} : parse_body(body);
  if (!members) {
    return members;
  }
  if (const status known = only_members(*members, names); !known) {
    return known.error();
  }
  return members;
}

} // namespace

result<route_request> route_request_from(std::string_view body,
                                         const route_limits& limits) {
  const auto parsed = parse_prompt_body(body);
  if (!parsed) {
    return parsed.error();
  }
  taker all;
  route_request request;
  all.check(only_members(parsed->members, route_members));
  all.take(text_of(parsed->members, "request_id", request_id_bytes_max),
           request.request_id);
  all.check(read_prompt(*parsed, limits, request));
  read_place(parsed->members, request, all);
  read_wishes(parsed->members, request, all);
  if (!all.done()) {
    return all.done().error();
  }
  return request;
}

result<std::vector<std::uint64_t>> overlap_hashes_from(std::string_view body,
                                                       std::size_t blocks_max) {
  auto parsed = parse_prompt_body(body);
  if (!parsed) {
    return parsed.error();
  }
  if (const status known = only_members(parsed->members, overlap_members);
      !known) {
    return known.error();
  }
  return block_hashes_of(*std::move(parsed), blocks_max);
}

result<std::optional<double>> progress_from(std::string_view body) {
  const auto members = object_with(body, progress_members);
  return members ? optional_number_of(*members, "progress", {0, 1})
                 : result<std::optional<double>>{members.error()};
}

status expect_no_members(std::string_view body) {
  const auto members = object_with(body, std::array<std::string_view, 0>{});
  return members ? ok() : status{members.error()};
}

result<bool> explain_from(const http_parameters& query) {
  const auto found = query.find("explain");
  if (found == query.end() || found->second == "0") {
    return false;
  }
  if (found->second == "1") {
    return true;
  }
  return error{errc::invalid, "explain: expected 0 or 1"};
}

result<std::size_t> limit_from(const http_parameters& query,
                               std::size_t otherwise, std::size_t max) {
  const auto found = query.find("limit");
  if (found == query.end()) {
    return otherwise;
  }
  const std::string& text = found->second;
  std::size_t limit = 0;
  const auto [end, failure] =
      std::from_chars(text.data(), text.data() + text.size(), limit);
  if (failure != std::errc{} || end != text.data() + text.size() ||
      limit > max) {
    return error{errc::invalid,
                 "limit: expected an integer from 0 to " + std::to_string(max)};
  }
  return limit;
}

} // namespace dynamo::apps
