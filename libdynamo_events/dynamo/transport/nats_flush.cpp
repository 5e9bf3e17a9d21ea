#include "dynamo/transport/nats_flush.hpp"

#include "dynamo/base/thread_name.hpp"

#include <string>
#include <system_error>

namespace dynamo {

void nats_flush::wait() {
  if (thread_.joinable()) {
    thread_.join();
  }
}

status nats_flush::start(natsConnection& connection,
                         std::chrono::milliseconds longest) {
  wait();
  is_running_ = true;
  try {
    thread_ = std::thread{[this, &connection, longest] {
      name_this_thread("nats-flush");
      outcome_ = natsConnection_FlushTimeout(&connection, longest.count());
      nats_ReleaseThreadMemory();
      is_running_ = false;
      signals_->ring();
    }};
    return ok();
  } catch (const std::system_error& failure) {
    is_running_ = false;
    return error{errc::io,
                 std::string{"start a thread for a flush: "} + failure.what()};
  }
}

} // namespace dynamo
