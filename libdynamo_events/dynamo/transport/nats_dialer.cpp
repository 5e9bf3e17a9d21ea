#include "dynamo/transport/nats_dialer.hpp"

#include "dynamo/base/mutex.hpp"
#include "dynamo/base/thread_name.hpp"
#include "dynamo/transport/nats_error.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

namespace dynamo {

/// One call, shared by its thread and the dialer. Holds what cnats uses in it.
struct nats_dialer::call {
  std::string url;
  std::shared_ptr<const nats_settings> settings;
  std::shared_ptr<nats_signals> signals;
  std::shared_ptr<nats_socket> socket;
  nats_options_handle options;

  dynamo::mutex mutex;
  condition changed;
  bool has_ended DYNAMO_GUARDED_BY(mutex) = false;
  bool is_abandoned DYNAMO_GUARDED_BY(mutex) = false;
  natsStatus status DYNAMO_GUARDED_BY(mutex) = NATS_OK;
  std::string reason DYNAMO_GUARDED_BY(mutex);
  nats_connection_handle connection DYNAMO_GUARDED_BY(mutex);
};

namespace {

nats_dialed failed_call(std::string reason) {
  nats_dialed failed;
  failed.reason = std::move(reason);
  return failed;
}

} // namespace

nats_dialer::nats_dialer(std::shared_ptr<const nats_settings> settings,
                         std::function<void()> ring)
    : settings_(std::move(settings))
    , ring_(std::move(ring)) {}

nats_dialed nats_dialer::dial(const nats_server& server) {
  const std::string url = server.url();
  if (is_unanswered(url)) {
    return failed_call("has not answered an earlier attempt yet");
  }
  auto options = settings_->options_for(server);
  if (!options) {
    return failed_call(options.error().message);
  }
  const auto made = std::make_shared<call>();
  made->url = url;
  made->settings = settings_;
  made->signals = std::make_shared<nats_signals>(ring_);
  made->socket = std::make_shared<nats_socket>(
      made->signals, settings_->options().stale_after);
  made->options = *std::move(options);
  for (const natsStatus set : {made->signals->attach(*made->options),
                               made->socket->attach(*made->options)}) {
    if (set != NATS_OK) {
      return failed_call(nats_reason(set));
    }
  }
  std::thread caller;
  try {
    caller = std::thread{[made] {
      // The threads that the library starts take over the name.
      name_this_thread("cnats");
      run(made);
    }};
  } catch (const std::system_error& failure) {
    return failed_call(failure.what());
  }
  const auto longest = 2 * settings_->options().connect_timeout;
  if (!await_end(*made, std::chrono::steady_clock::now() + longest)) {
    made->signals->silence();
    unanswered_.push_back(made);
    caller.detach();
    return failed_call("no answer within " + std::to_string(longest.count()) +
                       " ms");
  }
  caller.join();
  const lock_guard guard{made->mutex};
  const bool is_absent =
      made->status == NATS_NO_SERVER || made->status == NATS_TIMEOUT;
  return {std::move(made->connection),
          made->signals,
          made->socket,
          made->reason + advice_on(made->status, server),
          made->status == NATS_CONNECTION_AUTH_FAILED,
          !is_absent};
}

// With TLS 1.3 a server that misses a client's certificate says so only after
// the handshake, and cnats sees no more than the end of the connection.
std::string nats_dialer::advice_on(natsStatus failed,
                                   const nats_server& server) const {
  const bool is_tls = settings_->is_encrypted(server);
  const bool is_explained =
      failed == NATS_OK || failed == NATS_NO_SERVER || failed == NATS_TIMEOUT ||
      failed == NATS_SSL_ERROR || failed == NATS_CONNECTION_AUTH_FAILED;
  if (!is_tls || !settings_->options().tls.certificate.empty() ||
      is_explained) {
    return {};
  }
  return "; the server may demand a client certificate (nats.tls.certificate, "
         "nats.tls.key)";
}

bool nats_dialer::await_end(call& made,
                            std::chrono::steady_clock::time_point deadline) {
  const lock_guard guard{made.mutex};
  while (!made.has_ended) {
    if (made.changed.wait_until(made.mutex, deadline) ==
        std::cv_status::timeout) {
      break;
    }
  }
  made.is_abandoned = !made.has_ended;
  return made.has_ended;
}

void nats_dialer::run(const std::shared_ptr<call>& made) {
  natsConnection* raw = nullptr;
  const natsStatus status = natsConnection_Connect(&raw, made->options.get());
  nats_connection_handle connection{raw};
  std::string reason = status == NATS_OK ? "" : nats_reason(status);
  nats_ReleaseThreadMemory();
  {
    const lock_guard guard{made->mutex};
    if (!made->is_abandoned) {
      made->connection = std::move(connection);
    }
    made->status = status;
    made->reason = std::move(reason);
    made->has_ended = true;
    made->changed.notify_all();
  }
  if (connection != nullptr) {
    natsConnection_Close(raw);
    made->signals->await_end(*raw);
  }
}

bool nats_dialer::is_unanswered(const std::string& url) {
  std::erase_if(unanswered_, [](const std::shared_ptr<call>& one) {
    const lock_guard guard{one->mutex};
    return one->has_ended;
  });
  return std::any_of(
      unanswered_.begin(), unanswered_.end(),
      [&](const std::shared_ptr<call>& one) { return one->url == url; });
}

} // namespace dynamo
