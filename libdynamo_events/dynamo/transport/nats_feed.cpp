#include "dynamo/transport/nats_feed.hpp"

#include "dynamo/transport/nats_error.hpp"
#include "dynamo/wire/envelope_codec.hpp"

#include <utility>

// Steps 1 to 3 of the receive path on NATS: a message is taken from cnats, bad
// ones are counted and dropped, good ones put into the inbox.

namespace dynamo {

namespace {

byte_view body_of(const natsMsg& message) {
  return {reinterpret_cast<const std::uint8_t*>(natsMsg_GetData(&message)),
          static_cast<std::size_t>(natsMsg_GetDataLength(&message))};
}

} // namespace

nats_feed::nats_feed(subscription target, receiver_counters& counters)
    : counters_(counters)
    , name_(target.name)
    , intake_(std::make_unique<message_intake>(std::move(target), counters)) {}

status nats_feed::open(natsConnection& connection) {
  const natsStatus made = from_.open(connection, name_->subject);
  return made == NATS_OK ? ok()
                         : nats_failure(made, "subscribe to " + name_->subject);
}

void nats_feed::take() {
  if (!from_.has_some()) {
    return;
  }
  // detach() waits for this.
  const lock_guard guard{delivery_};
  message_intake* const intake = intake_.get();
  from_.take([this, intake](natsStatus came, const natsMsg* message) {
    if (came == NATS_OK) {
      look_at(*message, intake);
    } else if (came == NATS_NO_RESPONDERS) {
      // What cnats takes for the server's answer to a request.
      ++counters_.bad_envelope;
    }
  });
  if (intake != nullptr) {
    intake->flush();
  }
}

void nats_feed::look_at(const natsMsg& message, message_intake* intake) {
  const byte_view body = body_of(message);
  const auto decoded = decode_envelope(body);
  if (!decoded) {
    ++counters_.bad_envelope;
  } else if (decoded->topic != name_->topic) {
    ++counters_.bad_topic;
  } else if (intake != nullptr) {
    intake->take({decoded->publisher_id, decoded->sequence, body});
  }
}

void nats_feed::detach() {
  std::unique_ptr<message_intake> gone;
  const lock_guard guard{delivery_};
  gone.swap(intake_);
}

} // namespace dynamo
