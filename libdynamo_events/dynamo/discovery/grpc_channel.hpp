#pragma once

#include "dynamo/discovery/grpc_frame.hpp"

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

/// Status codes of gRPC that make a difference.
namespace grpc_code {
inline constexpr int ok = 0;
inline constexpr int invalid_argument = 3;
inline constexpr int deadline_exceeded = 4;
inline constexpr int not_found = 5;
inline constexpr int permission_denied = 7;
inline constexpr int resource_exhausted = 8;
inline constexpr int failed_precondition = 9;
inline constexpr int out_of_range = 11;
inline constexpr int internal = 13;
inline constexpr int unavailable = 14;
inline constexpr int unauthenticated = 16;
} // namespace grpc_code

/// How a call ended.
struct grpc_end {
  /// The server said so; otherwise it could not be reached, broke off or was
  /// silent for too long.
  bool answered = false;
  /// The server's, when it answered.
  int code = grpc_code::ok;
  /// Why, for people.
  std::string reason;
  /// A message was larger than the target allows.
  bool is_too_large = false;

  bool is_ok() const { return answered && code == grpc_code::ok; }
};

/// Where and how a channel connects.
struct grpc_target {
  /// "http://host:port" or "https://host:port".
  std::string origin;
  /// Paths of PEM files or PEM text, or empty.
  std::string ca;
  std::string certificate;
  std::string key;
  std::chrono::milliseconds connect_timeout{2'000};
  std::chrono::milliseconds probe_interval{10'000};
  std::chrono::milliseconds probe_timeout{5'000};
  std::size_t message_bytes_max = 64 * 1024 * 1024;
};

/// One call: one message goes up, any number come down.
struct grpc_call {
  /// A constant.
  std::string_view method;
  std::string message;
  /// More headers: "name: value".
  std::vector<std::string> headers;
  /// From the start to the end; 0: it may last.
  std::chrono::milliseconds timeout{0};
};

/// Called from within `run`; may start and cancel calls.
struct grpc_sink {
  std::function<void(std::string message)> on_message;
  /// Once, the last call; not after a cancel.
  std::function<void(const grpc_end& end)> on_end;
};

/// Calls to one server, all on one HTTP/2 connection, by libcurl. A watch is a
/// call like the others: its request is complete at once, and its response
/// stays open. One thread at a time.
class grpc_channel {
 public:
  explicit grpc_channel(grpc_target target);
  /// Ends the connection; sinks are not told.
  ~grpc_channel();
  grpc_channel(const grpc_channel&) = delete;
  grpc_channel& operator=(const grpc_channel&) = delete;

  /// The call's id.
  /// Without TLS, the first one is waited for before others are started.
  std::uint64_t start(grpc_call call, grpc_sink sink);
  /// Ends a call without a word; unknown ids are ignored.
  void cancel(std::uint64_t id);

  /// Waits until something happens, `wake_fd` becomes readable or the time is
  /// over, then tells the sinks.
  void run(int wake_fd, std::chrono::milliseconds timeout);

  /// Takes the sinks of all calls, which are over; for telling them.
  std::vector<grpc_sink> abandon();

  const std::string& origin() const { return target_.origin; }

 private:
  struct transfer;

  static std::size_t on_body(char* piece, std::size_t size, std::size_t count,
                             void* of);
  static std::size_t on_header(char* line, std::size_t size, std::size_t count,
                               void* of);
  bool prepare(transfer& fresh) const;
  long http_version() const;
  void finish_transfers();
  /// `outcome` is libcurl's.
  grpc_end end_of(transfer& done, int outcome);
  void tell();

  const grpc_target target_;
  void* multi_;
  /// A call was answered, so there is a connection to join.
  bool is_open_ = false;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, std::unique_ptr<transfer>> transfers_;
};

} // namespace dynamo
