#pragma once

#include "dynamo/discovery/kube_access.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo {

/// HTTP statuses that make a difference.
namespace kube_status {
inline constexpr int unauthorized = 401;
inline constexpr int not_found = 404;
inline constexpr int conflict = 409;
inline constexpr int gone = 410;
} // namespace kube_status

/// Limits of the requests to an API server.
struct kube_http_limits {
  std::chrono::milliseconds connect_timeout{5'000};
  /// For a whole answer, but that of a watch.
  std::chrono::milliseconds request_timeout{10'000};
  /// Of an answer, and of each line of a watch.
  std::size_t answer_bytes_max = 64 * 1024 * 1024;
};

struct kube_request {
  /// A constant: "GET", "PATCH", "DELETE".
  std::string_view method;
  /// With the query.
  std::string path;
  std::string body;
  /// A constant.
  std::string_view content_type;
  /// Its answer is told line by line and may last.
  bool is_watch = false;
};

/// How a request ended.
struct kube_answer {
  /// The HTTP status, 0 when the server could not be reached, broke off or was
  /// silent for too long.
  int status = 0;
  /// Of a watch only when the status says that it failed.
  std::string body;
  /// Why there is no status, or what the server said of a failure; for people.
  std::string reason;
  /// The server's advice when to come back; 0: none.
  std::chrono::milliseconds retry_after{0};

  bool is_ok() const { return status >= 200 && status < 300; }
};

/// Called from within `run`; may start and cancel requests.
struct kube_sink {
  /// Of a watch: the server has begun it.
  std::function<void()> on_open;
  /// Of a watch: a line without its end.
  std::function<void(std::string line)> on_line;
  /// Once, the last call; not after a cancel.
  std::function<void(const kube_answer& answer)> on_end;
};

/// Requests to one API server over HTTP/1.1, by libcurl, which keeps
/// connections for those that follow. One thread at a time.
class kube_http {
 public:
  using clock_time = std::chrono::steady_clock::time_point;

  kube_http(kube_access access, std::chrono::milliseconds token_reread,
            const kube_http_limits& limits);
  /// Ends what is under way; sinks are not told.
  ~kube_http();
  kube_http(const kube_http&) = delete;
  kube_http& operator=(const kube_http&) = delete;

  /// The request's id.
  std::uint64_t start(kube_request request, kube_sink sink);
  /// Ends a request without a word; unknown ids are ignored.
  void cancel(std::uint64_t id);

  /// Waits until something happens, `wake_fd` becomes readable or the time is
  /// over, then tells the sinks.
  void run(int wake_fd, std::chrono::milliseconds timeout);

  const std::string& server() const { return access_.server; }
  /// Requests that were started so far.
  std::uint64_t started() const { return next_id_ - 1; }

 private:
  struct transfer;

  static std::size_t on_body(char* piece, std::size_t size, std::size_t count,
                             void* of);
  static std::size_t on_header(char* line, std::size_t size, std::size_t count,
                               void* of);
  bool prepare(transfer& fresh);
  bool set_address(transfer& fresh) const;
  bool add_headers(transfer& fresh);
  void finish();
  void tell_one(std::uint64_t id);
  transfer* find(std::uint64_t id);

  const kube_access access_;
  const kube_http_limits limits_;
  kube_token token_;
  void* multi_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, std::unique_ptr<transfer>> transfers_;
};

} // namespace dynamo
