#pragma once

#include "dynamo/transport/nats_handles.hpp"
#include "dynamo/transport/nats_settings.hpp"
#include "dynamo/transport/nats_signals.hpp"
#include "dynamo/transport/nats_socket.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dynamo {

/// What became of calling one server.
struct nats_dialed {
  /// Empty when it failed.
  nats_connection_handle connection;
  /// What cnats says about the connection.
  std::shared_ptr<nats_signals> signals;
  /// To be polled by the thread that called.
  std::shared_ptr<nats_socket> socket;
  std::string reason;
  /// The server was there and refused who we are.
  bool is_refusal = false;
  /// Something was there, whatever it did.
  bool is_reached = false;
};

/// Makes connections. Belongs to the link's thread.
///
/// cnats keeps its time limit only until the server has said who it is. When a
/// server falls silent after that, the call does not return before the server
/// speaks or goes. So each call has a thread of its own, which is left to
/// itself when the time is over; its server is not called meanwhile.
class nats_dialer {
 public:
  /// `ring` is called from threads of cnats when signals have something to
  /// say; not after the connection that they belong to has ended.
  nats_dialer(std::shared_ptr<const nats_settings> settings,
              std::function<void()> ring);

  /// Waits at most about twice the connect timeout.
  nats_dialed dial(const nats_server& server);

 private:
  struct call;

  std::string advice_on(natsStatus failed, const nats_server& server) const;

  static bool await_end(call& made,
                        std::chrono::steady_clock::time_point deadline);
  static void run(const std::shared_ptr<call>& made);
  bool is_unanswered(const std::string& url);

  const std::shared_ptr<const nats_settings> settings_;
  const std::function<void()> ring_;
  /// At most one for each server.
  std::vector<std::shared_ptr<call>> unanswered_;
};

} // namespace dynamo
