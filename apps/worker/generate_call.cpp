#include "apps/worker/generate_call.hpp"

#include "apps/app/json_body.hpp"
#include "apps/app/prompt.hpp"
#include "dynamo/router/block_hash.hpp"

#include <nlohmann/json.hpp>

#include <limits>
#include <utility>
#include <vector>

namespace dynamo::apps {

namespace {

using nlohmann::json;

constexpr std::uint64_t tokens_max = std::numeric_limits<std::uint32_t>::max();

status read_prompt(const prompt_body& body, std::uint32_t block_size,
                   engine_request& request) {
  const auto prompt = prompt_of(body, block_size);
  if (!prompt) {
    return prompt.error();
  }
  const auto output = integer_of(body.members, "output_tokens", tokens_max);
  if (!output) {
    return output.error();
  }
  request.input_tokens = prompt->tokens;
  request.blocks = prompt_blocks(prompt->local);
  request.output_tokens = *output;
  return ok();
}

std::string_view name_of(request_stage stage) {
  switch (stage) {
  case request_stage::first_token:
    return "first_token";
  case request_stage::output_block:
    return "output_block";
  case request_stage::done:
    return "done";
  }
  return "";
}

double milliseconds(sim_time time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

} // namespace

std::vector<prompt_block>
prompt_blocks(const std::vector<std::uint64_t>& local) {
  const std::vector<std::uint64_t> names = sequence_hashes(local);
  std::vector<prompt_block> blocks;
  blocks.reserve(local.size());
  for (std::size_t i = 0; i < local.size(); ++i) {
    blocks.push_back({names[i], local[i]});
  }
  return blocks;
}

result<generate_call> generate_call_from_json(std::string_view text,
                                              std::uint32_t block_size) {
  const auto parsed = parse_prompt_body(text);
  if (!parsed) {
    return parsed.error();
  }
  const json& body = parsed->members;
  auto request_id = text_of(body, "request_id");
  if (!request_id) {
    return request_id.error();
  }
  const auto rank = optional_integer_of(body, "dp_rank", tokens_max);
  if (!rank) {
    return rank.error();
  }
  const auto stream = boolean_of(body, "stream", false);
  if (!stream) {
    return stream.error();
  }
  generate_call call;
  call.request_id = *std::move(request_id);
  if (*rank) {
    call.dp_rank = static_cast<std::uint32_t>(**rank);
  }
  call.mode = *stream ? answer_mode::stream : answer_mode::whole;
  const status prompt = read_prompt(*parsed, block_size, call.request);
  if (!prompt) {
    return prompt.error();
  }
  const auto prefilled = boolean_of(body, "prefilled", false);
  if (!prefilled) {
    return prefilled.error();
  }
  const auto output_blocks = boolean_of(body, "output_blocks", false);
  if (!output_blocks) {
    return output_blocks.error();
  }
  call.request.prefilled = *prefilled;
  call.request.tells_output_blocks = *output_blocks;
  return call;
}

std::string to_json(const answer_source& source,
                    const request_progress& progress) {
  nlohmann::ordered_json answer{
      {"event", name_of(progress.stage)},
      {"request_id", source.request_id},
      {"worker_id", source.worker_id},
      {"dp_rank", source.dp_rank},
      {"input_blocks", progress.input_blocks},
      {"cached_blocks", progress.cached_blocks},
      {"queued_ms", milliseconds(progress.queued)},
      {"time_to_first_token_ms", milliseconds(progress.time_to_first_token)}};
  if (progress.stage == request_stage::output_block) {
    answer["output_blocks"] = progress.output_blocks;
  }
  if (progress.stage == request_stage::done) {
    answer["total_ms"] = milliseconds(progress.total);
  }
  // The parser takes only UTF-8, so the id can be written back.
  return answer.dump();
}

void pending_answer::tell(const request_progress& progress) {
  {
    const lock_guard guard{mutex_};
    told_.push_back(progress);
  }
  changed_.notify_all();
}

void pending_answer::reject(error reason) {
  {
    const lock_guard guard{mutex_};
    rejected_ = std::move(reason);
  }
  changed_.notify_all();
}

result<request_progress> pending_answer::next() {
  const lock_guard guard{mutex_};
  while (told_.empty() && !rejected_) {
    changed_.wait(mutex_);
  }
  if (told_.empty()) {
    return *rejected_;
  }
  const request_progress progress = told_.front();
  told_.pop_front();
  return progress;
}

} // namespace dynamo::apps
