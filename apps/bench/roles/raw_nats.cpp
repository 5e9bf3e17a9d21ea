#include "apps/bench/roles/raw_nats.hpp"

#include "apps/bench/roles/raw_envelope.hpp"
#include "apps/bench/roles/settings.hpp"
#include "dynamo/base/ids.hpp"

#include <nats/nats.h>

#include <memory>
#include <string>
#include <utility>

namespace dynamo::apps {

namespace {

constexpr int flush_timeout_ms = 10'000;
// cnats drops what a slow subscriber has pending beyond 65,536 messages; a
// baseline that loses would look fast.
constexpr int pending_messages_max = 10'000'000;

using options_handle =
    std::unique_ptr<natsOptions, decltype(&natsOptions_Destroy)>;
using connection_handle =
    std::unique_ptr<natsConnection, decltype(&natsConnection_Destroy)>;
using subscription_handle =
    std::unique_ptr<natsSubscription, decltype(&natsSubscription_Destroy)>;
using message_handle = std::unique_ptr<natsMsg, decltype(&natsMsg_Destroy)>;

error nats_failure(const char* what, natsStatus code) {
  return {errc::unavailable,
          std::string{what} + ": " + natsStatus_GetText(code)};
}

result<connection_handle> connect_to_server(bool is_for_latency) {
  const auto values = bench_settings(transport_kind::nats);
  if (!values) {
    return values.error();
  }
  natsOptions* made = nullptr;
  if (natsStatus code = natsOptions_Create(&made); code != NATS_OK) {
    return nats_failure("options of cnats", code);
  }
  const options_handle settings{made, natsOptions_Destroy};
  natsOptions_SetURL(made, values->plane.nats.servers.c_str());
  natsOptions_SetSendAsap(made, is_for_latency);
  natsOptions_SetMaxPendingMsgs(made, pending_messages_max);
  natsConnection* connection = nullptr;
  const natsStatus code = natsConnection_Connect(&connection, made);
  if (code != NATS_OK) {
    return nats_failure("connection of cnats", code);
  }
  return connection_handle{connection, natsConnection_Destroy};
}

class raw_nats_outlets final : public outlets {
 public:
  raw_nats_outlets(connection_handle connection, const end_request& wanted)
      : connection_(std::move(connection))
      , subject_(subject_of(bench_scope(), wanted.topic)) {
    for (std::size_t i = 0; i < wanted.publishers; ++i) {
      envelopes_.emplace_back(random_publisher_id(), wanted.topic,
                              wanted.payload_bytes, 0);
    }
  }

  bool send(std::size_t publisher, byte_view payload) override {
    const byte_view body = envelopes_[publisher].next(payload);
    return natsConnection_Publish(connection_.get(), subject_.c_str(),
                                  body.data(),
                                  static_cast<int>(body.size())) == NATS_OK;
  }

  void flush() override {
    natsConnection_FlushTimeout(connection_.get(), flush_timeout_ms);
  }

 private:
  const connection_handle connection_;
  const std::string subject_;
  std::vector<raw_envelope> envelopes_;
};

class raw_nats_inlet final : public inlet {
 public:
  raw_nats_inlet(connection_handle connection, std::size_t payload_bytes,
                 arrival_sink sink)
      : payload_bytes_(payload_bytes)
      , sink_(std::move(sink))
      , connection_(std::move(connection)) {}

  ~raw_nats_inlet() override {
    // No callback runs when the connection is gone.
    natsConnection_Close(connection_.get());
  }

  status subscribe(const std::string& topic) {
    natsSubscription* made = nullptr;
    const std::string subject = subject_of(bench_scope(), topic);
    natsStatus code = natsConnection_Subscribe(
        &made, connection_.get(), subject.c_str(), on_message, this);
    if (code != NATS_OK) {
      return nats_failure("subscription of cnats", code);
    }
    subscription_.reset(made);
    natsSubscription_SetPendingLimits(made, pending_messages_max, -1);
    code = natsConnection_FlushTimeout(connection_.get(), flush_timeout_ms);
    return code == NATS_OK
               ? ok()
               : status{nats_failure("subscription of cnats", code)};
  }

 private:
  static void on_message(natsConnection*, natsSubscription*, natsMsg* message,
                         void* self) {
    const message_handle held{message, natsMsg_Destroy};
    auto& inlet = *static_cast<raw_nats_inlet*>(self);
    raw_envelope_view inside;
    const byte_view body{
        reinterpret_cast<const std::uint8_t*>(natsMsg_GetData(message)),
        static_cast<std::size_t>(natsMsg_GetDataLength(message))};
    if (open_raw_envelope(body, inlet.payload_bytes_, inside)) {
      inlet.sink_({inside.publisher_id, inside.sequence, inside.payload});
    }
  }

  const std::size_t payload_bytes_;
  const arrival_sink sink_;
  const connection_handle connection_;
  subscription_handle subscription_{nullptr, natsSubscription_Destroy};
};

} // namespace

result<std::unique_ptr<outlets>>
open_raw_nats_outlets(const end_request& wanted) {
  auto connection = connect_to_server(wanted.is_for_latency);
  if (!connection) {
    return std::move(connection).error();
  }
  return std::unique_ptr<outlets>{
      std::make_unique<raw_nats_outlets>(*std::move(connection), wanted)};
}

result<std::unique_ptr<inlet>> open_raw_nats_inlet(const end_request& wanted,
                                                   arrival_sink sink) {
  auto connection = connect_to_server(wanted.is_for_latency);
  if (!connection) {
    return std::move(connection).error();
  }
  auto opened = std::make_unique<raw_nats_inlet>(
      *std::move(connection), wanted.payload_bytes, std::move(sink));
  if (const status begun = opened->subscribe(wanted.topic); !begun) {
    return begun.error();
  }
  return std::unique_ptr<inlet>{std::move(opened)};
}

} // namespace dynamo::apps
