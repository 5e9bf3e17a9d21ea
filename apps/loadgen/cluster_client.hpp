#pragma once

#include "apps/loadgen/cluster_json.hpp"
#include "apps/loadgen/http_clients.hpp"
#include "dynamo/base/error.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace dynamo::apps {

/// What is asked of a worker.
struct generate_request {
  std::string request_id;
  /// Members of a JSON object, as prompt_members makes them.
  const std::string& prompt;
  std::uint64_t output_tokens = 0;
  /// Another worker has computed the prompt.
  bool prefilled = false;
  /// Whether the worker shall tell of each block that the output fills.
  bool output_blocks = false;
};

/// A router and its workers, spoken to over HTTP. Whatever does not answer, or
/// says that it cannot now, is errc::unavailable; what refuses for good is
/// errc::invalid. Thread-safe.
class cluster_client {
 public:
  /// `router` is "http://HOST:PORT". A worker that says nothing for so long
  /// has failed.
  cluster_client(std::string router, std::chrono::milliseconds patience);

  result<cluster_members> members();

  /// Asks the router for a place; the router counts the request until ended().
  result<route_answer> route(const generate_request& request);
  status prefill_completed(const std::string& request_id);
  status output_block(const std::string& request_id);
  status ended(const std::string& request_id);

  /// Returns the last line when the request is done. `on_line`, if
  /// any, is called with the lines before it, on this thread.
  result<generate_line> generate(const worker_rank& at,
                                 const generate_request& request,
                                 const std::function<void(line_kind)>& on_line);

  /// Empties a worker's caches; errc::unavailable while it has requests,
  /// errc::invalid when it cannot do that.
  status clear_cache(const std::string& endpoint);

  result<std::vector<published_stream>>
  worker_streams(const std::string& endpoint);
  result<router_streams> streams();

  /// Ends the calls to workers' /generate; to be repeated as
  /// http_clients::interrupt is.
  void interrupt_generate();

 private:
  result<std::string> body_of(result<http_reply> reply,
                              const std::string& what) const;
  status told(result<http_reply> reply, const std::string& what) const;

  const std::string router_;
  http_clients calls_;
  http_clients generating_;
};

} // namespace dynamo::apps
