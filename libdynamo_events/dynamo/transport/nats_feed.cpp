#include "dynamo/transport/nats_feed.hpp"

#include "dynamo/base/thread_name.hpp"
#include "dynamo/transport/nats_error.hpp"
#include "dynamo/wire/envelope_codec.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

// Steps 1 to 3 of the receive path on NATS: a message is taken from cnats, bad
// ones are counted and dropped, good ones put into the inbox.

namespace dynamo {

namespace {

/// cnats knows no wait without an end.
constexpr std::int64_t wait_ms = 3'600'000;

/// Messages between two looks at what cnats has dropped, at most.
constexpr int look_interval_max = 64;

byte_view body_of(const natsMsg& message) {
  return {reinterpret_cast<const std::uint8_t*>(natsMsg_GetData(&message)),
          static_cast<std::size_t>(natsMsg_GetDataLength(&message))};
}

} // namespace

nats_feed::nats_feed(subscription target, receiver_counters& counters)
    : counters_(counters)
    , name_(target.name)
    , inbox_(target.inbox)
    , intake_(std::make_unique<message_intake>(std::move(target), counters)) {}

nats_feed::~nats_feed() {
  close();
}

status nats_feed::open(natsConnection& connection,
                       const nats_feed_limits& limits) {
  natsSubscription* raw = nullptr;
  if (const natsStatus made = natsConnection_SubscribeSync(
          &raw, &connection, name_->subject.c_str());
      made != NATS_OK) {
    return nats_failure(made, "subscribe to " + name_->subject);
  }
  const shared_subscription from{raw, nats_deleter{}};
  if (const natsStatus set = natsSubscription_SetPendingLimits(
          raw, limits.messages_max, limits.bytes_max);
      set != NATS_OK) {
    return nats_failure(set, "limits of " + name_->subject);
  }
  {
    const lock_guard guard{mutex_};
    from_ = from;
    dropped_ = 0;
    has_ended_ = false;
  }
  try {
    thread_ = std::thread{[this, from, limits] { run(*from, limits); }};
    return ok();
  } catch (const std::system_error& failure) {
    const lock_guard guard{mutex_};
    from_.reset();
    has_ended_ = true;
    return error{errc::io,
                 std::string{"start a feed's thread: "} + failure.what()};
  }
}

// A look costs as much as taking a message. What cnats drops stands behind a
// full queue, so it is known in time, before its successor is taken, when half
// a queue is taken between two looks.
void nats_feed::run(natsSubscription& from, const nats_feed_limits& limits) {
  name_this_thread("nats-receive");
  const int messages_max =
      std::clamp(limits.messages_max / 2, 1, look_interval_max);
  int messages_left = 0;
  std::int64_t bytes_left = 0;
  for (natsStatus came = NATS_OK;;) {
    natsMsg* raw = nullptr;
    came = natsSubscription_NextMsg(&raw, &from, wait_ms);
    const nats_message_handle message{raw};
    bytes_left -= raw == nullptr ? 0 : natsMsg_GetDataLength(raw);
    if (came != NATS_OK || --messages_left <= 0 || bytes_left <= 0) {
      count_dropped();
      messages_left = messages_max;
      bytes_left = limits.bytes_max / 2;
    }
    if (came == NATS_OK) {
      take(*message);
    } else if (came == NATS_NO_RESPONDERS) {
      // What cnats takes for the server's answer to a request.
      ++counters_.bad_envelope;
    } else if (came != NATS_TIMEOUT && came != NATS_SLOW_CONSUMER) {
      break;
    }
  }
  nats_ReleaseThreadMemory();
  const lock_guard guard{mutex_};
  has_ended_ = true;
  changed_.notify_all();
}

void nats_feed::take(const natsMsg& message) {
  const byte_view body = body_of(message);
  const auto decoded = decode_envelope(body);
  if (!decoded) {
    ++counters_.bad_envelope;
    return;
  }
  if (decoded->topic != name_->topic) {
    ++counters_.bad_topic;
    return;
  }
  // detach() waits for this.
  const lock_guard guard{delivery_};
  if (intake_) {
    intake_->deliver({decoded->publisher_id, decoded->sequence, body});
  }
}

void nats_feed::detach() {
  std::unique_ptr<message_intake> gone;
  const lock_guard guard{delivery_};
  gone.swap(intake_);
}

void nats_feed::count_dropped() {
  shared_subscription from;
  {
    const lock_guard guard{mutex_};
    from = from_;
  }
  std::int64_t dropped = 0;
  if (from == nullptr ||
      natsSubscription_GetDropped(from.get(), &dropped) != NATS_OK) {
    return;
  }
  std::uint64_t growth = 0;
  {
    const lock_guard guard{mutex_};
    if (from == from_ && dropped > dropped_) {
      growth = static_cast<std::uint64_t>(dropped - dropped_);
      dropped_ = dropped;
    }
  }
  if (growth > 0) {
    counters_.library_dropped += growth;
    inbox_->note_lost(growth);
  }
}

void nats_feed::drain(std::chrono::milliseconds longest) {
  shared_subscription from;
  {
    const lock_guard guard{mutex_};
    from = from_;
  }
  if (from != nullptr) {
    // When it fails there is no connection, and nothing arrives any more.
    natsSubscription_DrainTimeout(from.get(), longest.count());
  }
}

void nats_feed::wait_drained(std::chrono::steady_clock::time_point deadline) {
  const lock_guard guard{mutex_};
  while (!has_ended_) {
    if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) {
      return;
    }
  }
}

nats_feed::shared_subscription nats_feed::close() {
  count_dropped();
  shared_subscription from;
  {
    const lock_guard guard{mutex_};
    from.swap(from_);
  }
  if (from != nullptr) {
    // When it fails it was ended already, which is what is wanted.
    natsSubscription_Unsubscribe(from.get());
  }
  if (thread_.joinable()) {
    thread_.join();
  }
  return from;
}

} // namespace dynamo
