#include "dynamo/transport/nats_dialer.hpp"

#include "dynamo/base/mutex.hpp"
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
  nats_options_handle options;

  dynamo::mutex mutex;
  condition changed;
  bool has_ended DYNAMO_GUARDED_BY(mutex) = false;
  bool is_abandoned DYNAMO_GUARDED_BY(mutex) = false;
  natsStatus status DYNAMO_GUARDED_BY(mutex) = NATS_OK;
  std::string reason DYNAMO_GUARDED_BY(mutex);
  nats_connection_handle connection DYNAMO_GUARDED_BY(mutex);
};

nats_dialer::nats_dialer(std::shared_ptr<const nats_settings> settings,
                         std::function<void()> ring)
    : settings_(std::move(settings))
    , ring_(std::move(ring)) {}

nats_dialed nats_dialer::dial(const nats_server& server) {
  const std::string url = server.url();
  if (is_unanswered(url)) {
    return {nullptr, nullptr, "has not answered an earlier attempt yet", false};
  }
  auto options = settings_->options_for(server);
  if (!options) {
    return {nullptr, nullptr, options.error().message, false};
  }
  const auto made = std::make_shared<call>();
  made->url = url;
  made->settings = settings_;
  made->signals = std::make_shared<nats_signals>(ring_);
  made->options = *std::move(options);
  if (const natsStatus set = made->signals->attach(*made->options);
      set != NATS_OK) {
    return {nullptr, nullptr, nats_reason(set), false};
  }
  std::thread caller;
  try {
    caller = std::thread{[made] { run(made); }};
  } catch (const std::system_error& failure) {
    return {nullptr, nullptr, failure.what(), false};
  }
  const auto longest = 2 * settings_->options().connect_timeout;
  if (!await_end(*made, std::chrono::steady_clock::now() + longest)) {
    made->signals->silence();
    unanswered_.push_back(made);
    caller.detach();
    return {nullptr, nullptr,
            "no answer within " + std::to_string(longest.count()) + " ms",
            false};
  }
  caller.join();
  const lock_guard guard{made->mutex};
  return {std::move(made->connection), made->signals, made->reason,
          made->status == NATS_CONNECTION_AUTH_FAILED};
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
