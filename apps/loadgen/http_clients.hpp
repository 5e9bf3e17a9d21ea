#pragma once

#include "dynamo/base/error.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace dynamo::apps {

struct http_client_options {
  std::chrono::milliseconds connect_timeout{1000};
  /// Without a byte for so long, a call has failed.
  std::chrono::milliseconds read_timeout{10'000};
  /// A longer answer is a failure.
  std::size_t answer_bytes_max = 64 * 1024 * 1024;
};

struct http_reply {
  int status = 0;
  std::string body;
};

/// HTTP connections to any number of servers, kept and used again; one per
/// call in progress. An endpoint is "http://HOST:PORT". What is not answered
/// is errc::unavailable, or errc::closed after interrupt(). Thread-safe.
class http_clients {
 public:
  explicit http_clients(const http_client_options& options);
  ~http_clients();
  http_clients(const http_clients&) = delete;
  http_clients& operator=(const http_clients&) = delete;

  result<http_reply> get(const std::string& endpoint, const std::string& path);
  result<http_reply> post(const std::string& endpoint, const std::string& path,
                          std::string body);
  /// DELETE.
  result<http_reply> remove(const std::string& endpoint,
                            const std::string& path);

  /// The lines of an answer with status 200, each as it comes, on the calling
  /// thread; the body of any other answer is in the reply.
  result<http_reply>
  post_for_lines(const std::string& endpoint, const std::string& path,
                 std::string body,
                 const std::function<void(std::string_view)>& on_line);

  /// Ends the calls in progress and refuses later ones. A call that is just
  /// connecting may escape: repeat until all have returned.
  void interrupt();

 private:
  class pool;

  std::unique_ptr<pool> pool_;
};

} // namespace dynamo::apps
