#pragma once

#include "dynamo/base/backoff.hpp"
#include "dynamo/discovery/discovery.hpp"
#include "dynamo/discovery/etcd_timing.hpp"
#include "dynamo/discovery/grpc_channel.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dynamo {

/// Who is spoken to, and as whom.
struct etcd_access {
  /// URLs; at least one.
  std::vector<std::string> endpoints;
  std::string username;
  std::string password;
  /// Its origin is filled in.
  grpc_target target;
  std::chrono::milliseconds request_timeout{5'000};
};

/// The outcome of a request: how it ended, and the message that came.
struct etcd_answer {
  grpc_end end;
  std::string message;

  bool is_ok() const { return end.is_ok(); }
  /// What was asked may succeed when it is asked again, without a change of
  /// settings.
  bool is_temporary() const;
};

/// The reason of an answer that is not ok.
error to_error(const etcd_answer& answer, std::string_view what);

/// The connection to etcd: one endpoint at a time, the next one when it fails,
/// for ever, and the token that authentication gives. One thread at a time;
/// everything happens in `turn` and `run`.
class etcd_client {
 public:
  using clock_time = std::chrono::steady_clock::time_point;
  using answer_sink = std::function<void(const etcd_answer& answer)>;

  /// `timing` and `notice` outlive this object.
  etcd_client(etcd_access access, const etcd_timing& timing,
              const notice_sink& notice);
  ~etcd_client();

  /// Requests are sent. Each time that this begins is another connection.
  bool is_ready() const { return state_ == state::ready; }
  std::uint64_t connection() const { return connection_; }

  /// Asks for one answer. One that finds no connection, or whose connection is
  /// lost, is answered as unreachable, perhaps within this call.
  void ask(std::string_view method, std::string message, answer_sink sink);

  /// Opens a call that lasts; only when ready. Its id.
  std::uint64_t open(std::string_view method, std::string message,
                     grpc_sink sink);
  void close(std::uint64_t id);

  /// The server is not to be trusted any more: the next one is tried.
  void leave(const std::string& reason);

  void turn(clock_time now);
  clock_time due() const;
  /// Waits for what the server says, or for `wake_fd`.
  void run(int wake_fd, std::chrono::milliseconds timeout);

  /// Since when there is no connection, so long that it should be said, and
  /// why; empty while there is none to tell of.
  const std::string& outage() const { return outage_; }
  /// Servers refused who we are; waiting alone will not help.
  bool is_refused() const { return refused_; }
  /// Every endpoint that failed since the last success, and why.
  std::string failures() const;

 private:
  enum class state { away, connecting, ready };
  struct request {
    std::string_view method;
    std::string message;
    answer_sink sink;
    bool repeated = false;
  };

  void connect();
  void authenticate();
  void on_authenticated(const etcd_answer& answer);
  void probe();
  void on_connected();
  void on_failed(const std::string& reason);
  void send(request asked);
  void on_answer(request asked, etcd_answer answer);
  void lose();
  void note_outage(clock_time now);
  void call(std::string_view method, std::string message, answer_sink sink);

  const etcd_access access_;
  const etcd_timing& timing_;
  const notice_sink& notice_;
  state state_ = state::away;
  std::unique_ptr<grpc_channel> channel_;
  /// Left, but perhaps still on the stack.
  std::vector<std::unique_ptr<grpc_channel>> left_;
  std::string token_;
  /// Requests that wait for a new token.
  std::deque<request> waiting_;
  bool renewing_ = false;
  bool refused_ = false;
  bool refusal_told_ = false;
  std::size_t next_endpoint_;
  std::size_t failed_in_a_row_ = 0;
  backoff delay_;
  clock_time retry_at_;
  clock_time away_since_;
  std::string outage_;
  std::map<std::string, std::string> failures_;
  std::uint64_t connection_ = 0;
};

} // namespace dynamo
