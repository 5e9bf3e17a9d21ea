#include "dynamo/transport/nats_line.hpp"

#include "dynamo/transport/nats_error.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

// How a batch is proved to have arrived. The first message of each batch asks
// for a reply at our own inbox; behind it goes a mark to the same inbox. When
// nobody is subscribed, the server answers "no responders" before it brings
// back the mark. After the last batch comes a PING. So, once the PONG is there,
// the inbox holds one mark for each batch, and before it the answer, if any.
//
// The marks are needed beside the PONG: cnats drops the subject of a "no
// responders" that is taken synchronously, and its flush reports success when
// it could not write the PING.

namespace dynamo {

namespace {

/// How often a wait for the server looks whether the process is ending.
constexpr std::chrono::milliseconds slice_max{250};

constexpr int no_limit = -1;

constexpr std::size_t forbidden_max = 1024;

std::chrono::milliseconds since(clock::time_point began,
                                const system_clock& clock) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock.now() -
                                                               began);
}

} // namespace

nats_line::nats_line(const nats_options& options, nats_server server,
                     nats_dialed dialed, const std::atomic<bool>& stopping)
    : options_(options)
    , server_(std::move(server))
    , signals_(std::move(dialed.signals))
    , stopping_(stopping)
    , connection_(std::move(dialed.connection)) {}

nats_line::~nats_line() {
  close();
}

std::string nats_line::close() {
  if (connection_ == nullptr) {
    return {};
  }
  natsConnection_Close(connection_.get());
  std::string reason = signals_->await_end(*connection_);
  inbox_.reset();
  connection_.reset();
  return reason;
}

std::size_t nats_line::envelope_bytes_max() const {
  return static_cast<std::size_t>(std::max<std::int64_t>(
      0, natsConnection_GetMaxPayload(connection_.get())));
}

std::vector<std::string> nats_line::discovered() const {
  char** urls = nullptr;
  int count = 0;
  std::vector<std::string> found;
  if (!options_.discover_servers ||
      natsConnection_GetDiscoveredServers(connection_.get(), &urls, &count) !=
          NATS_OK) {
    return found;
  }
  for (int at = 0; at < count; ++at) {
    found.emplace_back(urls[at]);
    free(urls[at]);
  }
  free(urls);
  return found;
}

natsStatus nats_line::open_inbox() {
  natsInbox* name = nullptr;
  if (const natsStatus made = natsInbox_Create(&name); made != NATS_OK) {
    return made;
  }
  reply_ = std::string{name} + ".r";
  mark_ = std::string{name} + ".m";
  const std::string all = std::string{name} + ".*";
  natsInbox_Destroy(name);

  natsSubscription* raw = nullptr;
  if (const natsStatus made =
          natsConnection_SubscribeSync(&raw, connection_.get(), all.c_str());
      made != NATS_OK) {
    return made;
  }
  inbox_.reset(raw);
  return natsSubscription_SetPendingLimits(raw, no_limit, no_limit);
}

status nats_line::settle() {
  if (const natsStatus made = open_inbox(); made != NATS_OK) {
    return nats_failure(made, "inbox");
  }
  if (const natsStatus sent =
          natsConnection_Publish(connection_.get(), mark_.c_str(), nullptr, 0);
      sent != NATS_OK) {
    return nats_failure(sent, "inbox");
  }
  if (const status flushed = confirm(); !flushed) {
    return flushed;
  }
  // A server that forbids the inbox is used without the proof.
  natsMsg* raw = nullptr;
  is_proving_ = natsSubscription_NextMsg(&raw, inbox_.get(), 0) == NATS_OK;
  natsMsg_Destroy(raw);
  return ok();
}

result<std::vector<nats_receipt>>
nats_line::publish(std::span<const link_batch> batches) {
  std::vector<nats_receipt> receipts(batches.size());
  for (std::size_t at = 0; at < batches.size(); ++at) {
    if (const status placed = place(batches[at], receipts[at]); !placed) {
      return placed.error();
    }
  }
  if (const status flushed = confirm(); !flushed) {
    return flushed.error();
  }
  if (const status proved = prove(receipts); !proved) {
    return proved.error();
  }
  note_forbidden();
  for (std::size_t at = 0; at < batches.size(); ++at) {
    strike_forbidden(batches[at], receipts[at]);
  }
  return receipts;
}

status nats_line::place(const link_batch& batch, nats_receipt& receipt) {
  link_outcome& outcome = receipt.outcome;
  outcome = {batch.publisher_id, batch.number, batch.epoch, 0, 0, false};
  for (const wire_message& message : *batch.messages) {
    const bool asks = is_proving_ && outcome.sent == 0;
    const natsStatus sent = send(message, asks ? reply_.c_str() : nullptr);
    if (sent == NATS_MAX_PAYLOAD) {
      ++outcome.refused;
      ++receipt.too_large;
      continue;
    }
    if (sent != NATS_OK) {
      return error{errc::unavailable, ""};
    }
    if (asks && natsConnection_Publish(connection_.get(), mark_.c_str(),
                                       nullptr, 0) != NATS_OK) {
      return error{errc::unavailable, ""};
    }
    ++outcome.sent;
    receipt.bytes += message.envelope.size();
  }
  return ok();
}

natsStatus nats_line::send(const wire_message& message, const char* reply) {
  constexpr auto int_max = std::numeric_limits<int>::max();
  if (message.envelope.size() > static_cast<std::size_t>(int_max)) {
    return NATS_MAX_PAYLOAD;
  }
  const char* subject = message.name->subject.c_str();
  const void* body = message.envelope.data();
  const int size = static_cast<int>(message.envelope.size());
  return reply == nullptr
             ? natsConnection_Publish(connection_.get(), subject, body, size)
             : natsConnection_PublishRequest(connection_.get(), subject, reply,
                                             body, size);
}

status nats_line::confirm() {
  const auto slice = std::min(slice_max, options_.stale_after);
  const clock::time_point began = clock_.now();
  for (;;) {
    const natsStatus flushed =
        natsConnection_FlushTimeout(connection_.get(), slice.count());
    if (flushed == NATS_OK) {
      return ok();
    }
    if (flushed != NATS_TIMEOUT) {
      return error{errc::unavailable, ""};
    }
    const auto waited = since(began, clock_);
    if (waited >= options_.stale_after ||
        (stopping_ && waited >= options_.drain_timeout)) {
      return error{errc::unavailable, server_.url() + " answered nothing for " +
                                          std::to_string(waited.count()) +
                                          " ms"};
    }
  }
}

status nats_line::prove(std::span<nats_receipt> receipts) {
  if (!is_proving_) {
    // The second PONG stands for a first that cnats may have made up.
    return confirm();
  }
  for (nats_receipt& receipt : receipts) {
    if (receipt.outcome.sent == 0) {
      continue;
    }
    for (;;) {
      natsMsg* raw = nullptr;
      const natsStatus came = natsSubscription_NextMsg(&raw, inbox_.get(), 0);
      const nats_message_handle message{raw};
      if (came == NATS_NO_RESPONDERS) {
        receipt.outcome.unheard = true;
      } else if (came != NATS_OK) {
        return error{errc::unavailable, ""};
      } else if (mark_ == natsMsg_GetSubject(message.get())) {
        break;
      }
      // Anything else is somebody who answers events.
    }
  }
  return ok();
}

void nats_line::note_forbidden() {
  constexpr std::string_view before = "Publish to \"";
  const nats_last_error last = last_error_of(*connection_);
  if (last.status != NATS_NOT_PERMITTED || forbidden_.size() >= forbidden_max) {
    return;
  }
  const std::string_view said = last.text;
  const std::size_t found = said.find(before);
  if (found != std::string_view::npos) {
    const std::string_view rest = said.substr(found + before.size());
    forbidden_.emplace(rest.substr(0, rest.find('"')));
  }
}

void nats_line::strike_forbidden(const link_batch& batch,
                                 nats_receipt& receipt) const {
  if (batch.messages->empty() ||
      !forbidden_.contains(batch.messages->front().name->subject)) {
    return;
  }
  receipt.forbidden = receipt.outcome.sent;
  receipt.outcome.refused += receipt.outcome.sent;
  receipt.outcome.sent = 0;
  receipt.bytes = 0;
}

} // namespace dynamo
