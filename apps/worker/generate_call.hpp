#pragma once

#include "apps/worker/engine_core.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/base/mutex.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo::apps {

enum class answer_mode {
  /// One JSON object when the request is done.
  whole,
  /// A line at the first token, one at each output block if wanted, and one
  /// at the end.
  stream,
};

/// Blocks with such local hashes, each named by all of the prompt up to it.
std::vector<prompt_block>
prompt_blocks(const std::vector<std::uint64_t>& local);

/// The body of POST /generate.
struct generate_call {
  std::string request_id;
  engine_request request;
  /// Nothing: the rank with the fewest requests.
  std::optional<std::uint32_t> dp_rank;
  answer_mode mode = answer_mode::whole;
};

/// Reads the body and hashes its prompt. errc::malformed or errc::invalid with
/// the member's name.
result<generate_call> generate_call_from_json(std::string_view body,
                                              std::uint32_t block_size);

/// Who answers.
struct answer_source {
  std::string request_id;
  std::uint64_t worker_id = 0;
  std::uint32_t dp_rank = 0;
};

/// One JSON object without a line break; times in milliseconds.
std::string to_json(const answer_source& source,
                    const request_progress& progress);

/// What the engine has told of one request and nobody has read yet: its first
/// token, its end, and between them the output blocks if it asked for them, so
/// no more than the request has blocks. Thread-safe.
class pending_answer {
 public:
  void tell(const request_progress& progress);
  void reject(error reason);

  /// Waits for what comes next. The engine tells an end, or it stops and
  /// rejects; so this returns. Not to be called after the end.
  result<request_progress> next();

 private:
  mutex mutex_;
  condition changed_;
  std::deque<request_progress> told_ DYNAMO_GUARDED_BY(mutex_);
  std::optional<error> rejected_ DYNAMO_GUARDED_BY(mutex_);
};

} // namespace dynamo::apps
