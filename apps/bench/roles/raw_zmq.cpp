#include "apps/bench/roles/raw_zmq.hpp"

#include "apps/bench/roles/raw_envelope.hpp"
#include "apps/bench/roles/settings.hpp"
#include "dynamo/base/ids.hpp"
#include "dynamo/wire/frame.hpp"

#include <zmq.hpp>

#include <array>
#include <atomic>
#include <cstring>
#include <thread>
#include <utility>

namespace dynamo::apps {

namespace {

// As Dynamo's sockets and ours have it.
constexpr int high_water_mark = 100'000;
constexpr int linger_ms = 1000;

/// One PUB socket with what it sends.
struct raw_publisher {
  zmq::socket_t socket;
  raw_envelope envelope;
  std::array<std::uint8_t, 8> id{};
};

class raw_zmq_outlets final : public outlets {
 public:
  explicit raw_zmq_outlets(std::string topic)
      : topic_(std::move(topic)) {}

  status open(const end_request& wanted) {
    auto store = open_bench_discovery(wanted.transport);
    if (!store) {
      return std::move(store).error();
    }
    store_ = *std::move(store);
    for (std::size_t i = 0; i < wanted.publishers; ++i) {
      if (const status added = add_publisher(wanted.payload_bytes); !added) {
        return added;
      }
    }
    return ok();
  }

  bool send(std::size_t publisher, byte_view payload) override {
    raw_publisher& from = publishers_[publisher];
    const byte_view frame = from.envelope.next(payload);
    std::array<std::uint8_t, 8> sequence{};
    store_u64_be(sequence.data(), from.envelope.sequence());
    const auto more = zmq::send_flags::dontwait | zmq::send_flags::sndmore;
    zmq::message_t last{frame.data(), frame.size()};
    return from.socket.send(zmq::buffer(topic_), more) &&
           from.socket.send(zmq::buffer(from.id), more) &&
           from.socket.send(zmq::buffer(sequence), more) &&
           from.socket.send(last, zmq::send_flags::dontwait);
  }

  /// What libzmq holds cannot be asked for; its linger sends it.
  void flush() override {}

  std::vector<std::string> endpoints() const override { return endpoints_; }

 private:
  status add_publisher(std::size_t payload_bytes) {
    zmq::socket_t socket{context_, zmq::socket_type::pub};
    socket.set(zmq::sockopt::sndhwm, high_water_mark);
    socket.set(zmq::sockopt::linger, linger_ms);
    socket.bind("tcp://127.0.0.1:*");
    endpoints_.push_back(socket.get(zmq::sockopt::last_endpoint));
    raw_publisher& added = publishers_.emplace_back(raw_publisher{
        std::move(socket),
        {random_publisher_id(), topic_, payload_bytes, frame_header_size_bytes},
        {}});
    store_u64_be(added.id.data(), added.envelope.publisher_id());
    write_frame_header(added.envelope, payload_bytes);
    event_channel found_at;
    found_at.owner = bench_scope();
    found_at.topic = topic_;
    found_at.publisher_id = added.envelope.publisher_id();
    found_at.address = zmq_address{endpoints_.back()};
    return store_->advertise(found_at);
  }

  static void write_frame_header(raw_envelope& envelope,
                                 std::size_t payload_bytes) {
    raw_envelope other = envelope;
    const byte_buffer payload(payload_bytes, 0);
    const auto header = encode_frame_header(other.next(payload).size() -
                                            frame_header_size_bytes);
    std::memcpy(envelope.lead(), header->data(), header->size());
  }

  const std::string topic_;
  zmq::context_t context_;
  std::unique_ptr<discovery> store_;
  std::vector<raw_publisher> publishers_;
  std::vector<std::string> endpoints_;
};

class raw_zmq_inlet final : public inlet {
 public:
  raw_zmq_inlet(const end_request& wanted, arrival_sink sink)
      : topic_(wanted.topic)
      , payload_bytes_(wanted.payload_bytes)
      , sink_(std::move(sink))
      , socket_(context_, zmq::socket_type::sub) {
    socket_.set(zmq::sockopt::rcvhwm, high_water_mark);
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::subscribe, topic_);
    // A read that waits comes back now and then to look at stop_.
    socket_.set(zmq::sockopt::rcvtimeo, 100);
    for (const std::string& endpoint : wanted.endpoints) {
      socket_.connect(endpoint);
    }
    reader_ = std::thread{[this] { read(); }};
  }

  ~raw_zmq_inlet() override {
    stop_ = true;
    reader_.join();
  }

 private:
  void read() {
    std::array<zmq::message_t, 4> parts;
    std::size_t at = 0;
    while (!stop_.load(std::memory_order_relaxed)) {
      if (!socket_.recv(parts[at])) {
        continue;
      }
      if (parts[at].more() && at + 1 < parts.size()) {
        ++at;
        continue;
      }
      if (at + 1 == parts.size()) {
        take(parts);
      }
      at = 0;
    }
  }

  void take(std::array<zmq::message_t, 4>& parts) {
    const byte_view frame{parts[3].data<std::uint8_t>(), parts[3].size()};
    if (parts[1].size() != 8 || parts[2].size() != 8 ||
        frame.size() < payload_bytes_) {
      return;
    }
    // The payload is the last of the envelope's values.
    sink_({load_u64_be(parts[1].data<std::uint8_t>()),
           load_u64_be(parts[2].data<std::uint8_t>()),
           frame.last(payload_bytes_)});
  }

  const std::string topic_;
  const std::size_t payload_bytes_;
  const arrival_sink sink_;
  zmq::context_t context_;
  zmq::socket_t socket_;
  std::atomic<bool> stop_ = false;
  std::thread reader_;
};

} // namespace

result<std::unique_ptr<outlets>>
open_raw_zmq_outlets(const end_request& wanted) {
  try {
    auto opened = std::make_unique<raw_zmq_outlets>(wanted.topic);
    if (const status begun = opened->open(wanted); !begun) {
      return begun.error();
    }
    return std::unique_ptr<outlets>{std::move(opened)};
  } catch (const zmq::error_t& failure) {
    return error{errc::io, std::string{"raw PUB socket: "} + failure.what()};
  }
}

result<std::unique_ptr<inlet>> open_raw_zmq_inlet(const end_request& wanted,
                                                  arrival_sink sink) {
  try {
    return std::unique_ptr<inlet>{
        std::make_unique<raw_zmq_inlet>(wanted, std::move(sink))};
  } catch (const zmq::error_t& failure) {
    return error{errc::io, std::string{"raw SUB socket: "} + failure.what()};
  }
}

} // namespace dynamo::apps
