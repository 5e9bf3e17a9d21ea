#include "dynamo/transport/nats_polled_subscription.hpp"

namespace dynamo {

natsStatus nats_polled_subscription::open(natsConnection& connection,
                                          const std::string& subject) {
  // What is taken after every read of the socket cannot grow.
  constexpr int no_limit = -1;
  natsSubscription* raw = nullptr;
  if (const natsStatus made =
          natsConnection_SubscribeSync(&raw, &connection, subject.c_str());
      made != NATS_OK) {
    return made;
  }
  from_.reset(raw);
  return natsSubscription_SetPendingLimits(raw, no_limit, no_limit);
}

void nats_polled_subscription::close() {
  if (from_ != nullptr) {
    // When it fails it was ended already, which is what is wanted.
    natsSubscription_Unsubscribe(from_.get());
    from_.reset();
  }
}

int nats_polled_subscription::count() const {
  int waiting = 0;
  return from_ != nullptr && natsSubscription_GetPending(from_.get(), &waiting,
                                                         nullptr) == NATS_OK
             ? waiting
             : 0;
}

void nats_polled_subscription::drain(std::chrono::milliseconds longest) {
  if (from_ != nullptr) {
    // When it fails there is no connection, and nothing arrives any more.
    natsSubscription_DrainTimeout(from_.get(), longest.count());
  }
}

bool nats_polled_subscription::is_drained() const {
  return from_ == nullptr || natsSubscription_DrainCompletionStatus(
                                 from_.get()) != NATS_ILLEGAL_STATE;
}

} // namespace dynamo
