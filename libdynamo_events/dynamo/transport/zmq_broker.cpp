#include "dynamo/transport/zmq_broker.hpp"

#include "dynamo/base/clock.hpp"
#include "dynamo/base/mutex.hpp"
#include "dynamo/base/thread_name.hpp"
#include "dynamo/transport/broker_outlet.hpp"
#include "dynamo/transport/doorbell.hpp"
#include "dynamo/transport/signal_shield.hpp"
#include "dynamo/transport/tcp_endpoint.hpp"
#include "dynamo/transport/zmq_error.hpp"
#include "dynamo/transport/zmtp.hpp"

#include <zmq.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace dynamo {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t messages_per_turn = 256;
/// Dynamo's messages have four.
constexpr std::size_t parts_max = 64;
/// At the end there may be nothing to wait for but that publishers pause.
constexpr auto tail_pause = 20ms;

struct arrived_message {
  std::string topic;
  broker_message bytes;
};

} // namespace

class zmq_broker::implementation {
 public:
  implementation(const broker_options& options, const zmq_options& sockets)
      : options_(options)
      , limits_(sockets) {}

  ~implementation() { stop(); }

  status start();
  void stop();

  const std::string& xsub_endpoint() const { return xsub_endpoint_; }
  const std::string& xpub_endpoint() const { return xpub_endpoint_; }
  broker_counts counts() const {
    const lock_guard guard{mutex_};
    return picture_;
  }

 private:
  status open_inlet(const tcp_endpoint& where);
  status start_thread();

  void run();
  void turn(clock::time_point now, std::optional<clock::time_point> end);
  void wait(clock::time_point now, std::optional<clock::time_point> end);
  void take_messages(clock::time_point now);
  bool pass_on(arrived_message message, clock::time_point now);
  void retry(clock::time_point now);
  std::optional<arrived_message> receive();
  void say_upstream(std::string_view prefix, broker_subscriber::change what);

  const broker_options options_;
  const zmq_options limits_;
  const system_clock clock_;
  std::unique_ptr<doorbell> bell_;
  zmq::context_t context_;
  zmq::socket_t inlet_;
  std::unique_ptr<broker_outlet> outlet_;
  std::string xsub_endpoint_;
  std::string xpub_endpoint_;

  // The thread's.
  broker_counts counts_;
  std::optional<arrived_message> held_;
  clock::time_point held_until_;
  bool is_drained_ = false;

  std::atomic<bool> stopping_ = false;
  mutable mutex mutex_;
  broker_counts picture_ DYNAMO_GUARDED_BY(mutex_);
  std::thread thread_;
};

status zmq_broker::implementation::start() {
  const auto inlet = parse_bind_endpoint(options_.xsub_bind);
  const auto outlet = parse_bind_endpoint(options_.xpub_bind);
  if (!inlet || !outlet) {
    const bool is_inlet = !inlet;
    return error{errc::invalid,
                 (is_inlet ? "broker.xsub_bind: " : "broker.xpub_bind: ") +
                     (is_inlet ? inlet : outlet).error().message};
  }
  auto bell = doorbell::make();
  if (!bell) {
    return bell.error();
  }
  bell_ = *std::move(bell);
  if (const status opened = open_inlet(*inlet); !opened) {
    return opened;
  }
  auto opened = broker_outlet::open(
      *outlet, options_, counts_,
      [this](std::string_view prefix, broker_subscriber::change what) {
        say_upstream(prefix, what);
      });
  if (!opened) {
    return opened.error();
  }
  outlet_ = *std::move(opened);
  xpub_endpoint_ = to_string(outlet_->endpoint());
  return start_thread();
}

status zmq_broker::implementation::open_inlet(const tcp_endpoint& where) {
  const std::string text = to_string(where);
  try {
    context_.set(zmq::ctxopt::io_threads, limits_.io_threads);
    context_.set(zmq::ctxopt::blocky, 0);
    inlet_ = zmq::socket_t{context_, zmq::socket_type::xsub};
    inlet_.set(zmq::sockopt::linger, 0);
    inlet_.set(zmq::sockopt::ipv6, where.host.family == ip_family::v6);
    inlet_.set(zmq::sockopt::rcvhwm, limits_.receive_hwm);
    inlet_.set(zmq::sockopt::sndhwm, limits_.send_hwm);
    inlet_.set(zmq::sockopt::tcp_keepalive, 1);
    inlet_.set(zmq::sockopt::maxmsgsize,
               static_cast<std::int64_t>(limits_.message_bytes_max));
    if (zmq_bind(inlet_.handle(), text.c_str()) != 0) {
      return zmq_failure(zmq_errno(), "bind " + text);
    }
    const std::string bound = inlet_.get(zmq::sockopt::last_endpoint);
    const auto endpoint = parse_bind_endpoint(bound);
    if (!endpoint) {
      return endpoint.error();
    }
    xsub_endpoint_ = to_string(*endpoint);
    return ok();
  } catch (const zmq::error_t& failure) {
    return zmq_failure(failure.num(), "open an XSUB socket");
  }
}

status zmq_broker::implementation::start_thread() {
  const signal_shield shield;
  try {
    thread_ = std::thread{[this] { run(); }};
    return ok();
  } catch (const std::system_error& failure) {
    return error{errc::io,
                 std::string{"start the broker's thread: "} + failure.what()};
  }
}

void zmq_broker::implementation::stop() {
  if (!thread_.joinable()) {
    return;
  }
  stopping_ = true;
  bell_->ring();
  thread_.join();
}

void zmq_broker::implementation::run() {
  name_this_thread("zmq-broker");
  while (!stopping_) {
    turn(clock_.now(), std::nullopt);
  }
  bell_->clear();
  const auto end = clock_.now() + limits_.linger;
  for (auto now = clock_.now(); now < end; now = clock_.now()) {
    turn(now, std::min(end, now + tail_pause));
    if (is_drained_ && !held_ && outlet_->is_idle()) {
      break;
    }
  }
  inlet_.close();
  outlet_.reset();
}

/// Waits for something, until `end` at the latest, and does it.
void zmq_broker::implementation::turn(clock::time_point now,
                                      std::optional<clock::time_point> end) {
  wait(now, end);
  now = clock_.now();
  outlet_->serve(now);
  retry(now);
  take_messages(now);
  outlet_->flush();
  const lock_guard guard{mutex_};
  picture_ = counts_;
}

void zmq_broker::implementation::wait(clock::time_point now,
                                      std::optional<clock::time_point> end) {
  for (const auto& due : {held_ ? std::optional{held_until_} : std::nullopt,
                          outlet_->next_deadline()}) {
    if (due) {
      end = end ? std::min(*end, *due) : *due;
    }
  }
  const auto timeout =
      end ? std::max(0ms,
                     std::chrono::ceil<std::chrono::milliseconds>(*end - now))
          : -1ms;
  std::array<zmq::pollitem_t, 3> items{
      {{nullptr, bell_->descriptor(), ZMQ_POLLIN, 0},
       {nullptr, outlet_->descriptor(), ZMQ_POLLIN, 0},
       // While a message is held, others stay with their publishers.
       {inlet_.handle(), 0, ZMQ_POLLIN, 0}}};
  try {
    zmq::poll(items.data(), held_ ? 2 : 3, timeout);
  } catch (const zmq::error_t&) {
    // Interrupted; the next turn waits again.
    return;
  }
}

void zmq_broker::implementation::take_messages(clock::time_point now) {
  is_drained_ = false;
  for (std::size_t taken = 0; !held_ && taken < messages_per_turn; ++taken) {
    auto message = receive();
    if (!message) {
      is_drained_ = true;
      return;
    }
    if (message->bytes == nullptr) {
      ++counts_.bad;
      continue;
    }
    if (!pass_on(*std::move(message), now)) {
      return;
    }
  }
}

bool zmq_broker::implementation::pass_on(arrived_message message,
                                         clock::time_point now) {
  using outcome = broker_outlet::outcome;
  const auto offer = [&] {
    return outlet_->offer(message.topic, message.bytes,
                          broker_outlet::patience::wait);
  };
  if (offer() == outcome::done) {
    return true;
  }
  // What only waits because this turn has not written yet is not full.
  outlet_->flush();
  if (offer() == outcome::done) {
    return true;
  }
  ++counts_.held;
  held_ = std::move(message);
  held_until_ = now + options_.wait_max;
  return false;
}

void zmq_broker::implementation::retry(clock::time_point now) {
  if (!held_) {
    return;
  }
  const auto patience = now < held_until_ ? broker_outlet::patience::wait
                                          : broker_outlet::patience::none;
  if (outlet_->offer(held_->topic, held_->bytes, patience) ==
      broker_outlet::outcome::done) {
    held_.reset();
  }
}

/// Nothing when none has come; one without bytes is bad.
std::optional<arrived_message> zmq_broker::implementation::receive() {
  arrived_message message;
  byte_buffer bytes;
  std::size_t parts = 0;
  std::size_t size = 0;
  try {
    for (zmq::message_t part;; ++parts) {
      if (!inlet_.recv(part, zmq::recv_flags::dontwait)) {
        // Never in the middle: libzmq has whole messages or none.
        return std::nullopt;
      }
      const byte_view body{part.data<std::uint8_t>(), part.size()};
      size += body.size();
      if (parts == 0) {
        message.topic = text_of(body);
      }
      if (parts < parts_max && size <= limits_.message_bytes_max) {
        append_zmtp_part(bytes, body,
                         part.more() ? zmtp_part::more : zmtp_part::last);
      }
      if (!part.more()) {
        break;
      }
    }
  } catch (const zmq::error_t&) {
    return std::nullopt;
  }
  ++counts_.received;
  counts_.received_bytes += size;
  if (parts < parts_max && size <= limits_.message_bytes_max) {
    message.bytes = std::make_shared<const byte_buffer>(std::move(bytes));
  }
  return message;
}

void zmq_broker::implementation::say_upstream(std::string_view prefix,
                                              broker_subscriber::change what) {
  std::string text{what == broker_subscriber::change::begun ? '\x01' : '\x00'};
  text += prefix;
  try {
    // libzmq repeats it to publishers that connect later.
    inlet_.send(zmq::buffer(text), zmq::send_flags::dontwait);
  } catch (const zmq::error_t&) {
    // Only when the sockets are being closed.
    return;
  }
}

result<std::unique_ptr<zmq_broker>>
zmq_broker::start(const broker_options& options, const zmq_options& sockets) {
  auto parts = std::make_unique<implementation>(options, sockets);
  if (const status started = parts->start(); !started) {
    return started.error();
  }
  return std::unique_ptr<zmq_broker>{new zmq_broker{std::move(parts)}};
}

zmq_broker::zmq_broker(std::unique_ptr<implementation> parts)
    : parts_(std::move(parts)) {}

zmq_broker::~zmq_broker() = default;

const std::string& zmq_broker::xsub_endpoint() const {
  return parts_->xsub_endpoint();
}

const std::string& zmq_broker::xpub_endpoint() const {
  return parts_->xpub_endpoint();
}

broker_counts zmq_broker::counts() const {
  return parts_->counts();
}

void zmq_broker::stop() {
  parts_->stop();
}

} // namespace dynamo
