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

  /// Asks the router for a rank; the router counts the request until ended().
  result<worker_rank> route(const generate_request& request);
  status prefilled(const std::string& request_id);
  status ended(const std::string& request_id);

  /// Returns the last line when the request is done. `on_first_token` is
  /// called on this thread.
  result<generate_line> generate(const worker_rank& at,
                                 const generate_request& request,
                                 const std::function<void()>& on_first_token);

  result<std::vector<published_stream>>
  worker_streams(const std::string& endpoint);
  result<router_streams> streams();

  /// Ends the calls to workers' /generate; to be repeated as
  /// http_clients::interrupt is.
  void interrupt_generate();

 private:
  result<std::string> body_of(result<http_reply> reply,
                              const std::string& what) const;
  status tell(const std::string& path, const std::string& request_id);

  const std::string router_;
  http_clients calls_;
  http_clients generating_;
};

} // namespace dynamo::apps
