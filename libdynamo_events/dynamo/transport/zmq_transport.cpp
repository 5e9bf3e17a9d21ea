#include "dynamo/transport/zmq_transport.hpp"

#include "dynamo/transport/advertised_host.hpp"
#include "dynamo/transport/zmq_error.hpp"
#include "dynamo/transport/zmq_receiver.hpp"
#include "dynamo/transport/zmq_sender.hpp"

#include <zmq.hpp>

#include <cassert>
#include <limits>
#include <utility>

namespace dynamo {

namespace {

class zmq_transport final : public transport {
 public:
  zmq_transport(const zmq_options& options, const ip_address& host)
      : options_(options)
      , host_(host) {}

  status start();

  result<std::unique_ptr<sender>> open(const sender_request& wanted) override {
    return zmq_sender::open(sockets_, options_, host_, receiver_->senders(),
                            wanted);
  }

  dynamo::receiver& receiver() override {
    assert(receiver_ != nullptr);
    return *receiver_;
  }

  void report_to(std::shared_ptr<connection_inbox> changes,
                 std::function<void()> wake) override {
    receiver_->report_to(std::move(changes), std::move(wake));
  }

  std::set<std::uint64_t> stirred() override {
    return receiver_->senders().stirred();
  }

 private:
  const zmq_options options_;
  const ip_address host_;
  zmq::context_t sockets_;
  // After the sockets' context, so that it is gone before that ends.
  std::unique_ptr<zmq_receiver> receiver_;
};

status zmq_transport::start() {
  try {
    sockets_.set(zmq::ctxopt::io_threads, options_.io_threads);
    sockets_.set(zmq::ctxopt::max_sockets, options_.sockets_max);
    sockets_.set(zmq::ctxopt::blocky, 0);
  } catch (const zmq::error_t& failure) {
    return zmq_failure(failure.num(), "zmq.io_threads or zmq.sockets_max");
  }
  auto started = zmq_receiver::start(sockets_, options_);
  if (!started) {
    return started.error();
  }
  receiver_ = *std::move(started);
  return ok();
}

status check(const zmq_options& options) {
  constexpr auto int_max =
      std::chrono::milliseconds{std::numeric_limits<int>::max()};
  const auto invalid = [](std::string text) {
    return error{errc::invalid, std::move(text)};
  };
  if (options.io_threads < 1 || options.sockets_max < 1) {
    return invalid("zmq.io_threads and zmq.sockets_max: expected at least 1");
  }
  if (options.send_hwm < 0 || options.receive_hwm < 0) {
    return invalid("zmq.send_hwm and zmq.receive_hwm: expected at least 0");
  }
  if (options.endpoints_per_socket < 1) {
    return invalid("zmq.endpoints_per_socket: expected at least 1");
  }
  if (options.linger.count() < 0 || options.linger > int_max ||
      options.connect_timeout.count() < 1 ||
      options.connect_timeout > int_max) {
    return invalid("zmq.linger and zmq.connect_timeout: out of range");
  }
  if ((options.port_first == 0 && options.port_last != 0) ||
      (options.port_last != 0 && options.port_last < options.port_first)) {
    return invalid("zmq ports: expected a first port that is not above the "
                   "last, got " +
                   std::to_string(options.port_first) + " and " +
                   std::to_string(options.port_last));
  }
  if (options.bind != "*" && !parse_ip_address(options.bind)) {
    return invalid("zmq.bind: expected * or an IP address, got '" +
                   options.bind + "'");
  }
  return ok();
}

/// A socket that is bound to one address can be reached at no other.
result<ip_address> host_of(const zmq_options& options) {
  if (options.host.empty() && options.bind != "*") {
    const auto bound = parse_ip_address(options.bind);
    if (bound && !is_unspecified(*bound)) {
      return *bound;
    }
  }
  const auto interfaces = list_interface_addresses();
  if (!interfaces) {
    return interfaces.error();
  }
  return choose_advertised_host(options.host, *interfaces);
}

} // namespace

result<std::unique_ptr<transport>>
make_zmq_transport(const zmq_options& options) {
  if (const status acceptable = check(options); !acceptable) {
    return acceptable.error();
  }
  const auto host = host_of(options);
  if (!host) {
    return host.error();
  }
  auto made = std::make_unique<zmq_transport>(options, *host);
  if (const status started = made->start(); !started) {
    return started.error();
  }
  return std::unique_ptr<transport>{std::move(made)};
}

} // namespace dynamo
