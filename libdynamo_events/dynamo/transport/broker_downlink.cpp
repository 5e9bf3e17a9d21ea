#include "dynamo/transport/broker_downlink.hpp"

#include "dynamo/transport/broker_socket.hpp"
#include "dynamo/transport/zmq_error.hpp"
#include "dynamo/wire/zmq_message.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

namespace {

constexpr std::size_t parts_per_turn = 4096;

} // namespace

result<std::unique_ptr<broker_downlink>>
broker_downlink::open(zmq::context_t& sockets, const zmq_options& options,
                      const std::string& endpoint, std::uint64_t number) {
  static_assert(parts_max == zmq_message_parts + 1);
  if (const auto usable = check_broker_endpoint(endpoint); !usable) {
    return usable.error();
  }
  try {
    zmq::socket_t socket{sockets, zmq::socket_type::sub};
    set_broker_socket(socket, options);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::rcvhwm, options.receive_hwm);
    socket.set(zmq::sockopt::maxmsgsize,
               static_cast<std::int64_t>(options.message_bytes_max));
    std::unique_ptr<broker_downlink> opened{
        new broker_downlink{std::move(socket), endpoint, number}};
    auto monitor = peer_monitor::open(sockets, opened->socket_, number);
    if (!monitor) {
      return monitor.error();
    }
    opened->monitor_ = *std::move(monitor);
    opened->socket_.connect(endpoint);
    return opened;
  } catch (const zmq::error_t& failure) {
    return zmq_failure(failure.num(), "connect to the broker " + endpoint);
  }
}

broker_downlink::broker_downlink(zmq::socket_t socket, std::string endpoint,
                                 std::uint64_t number)
    : socket_(std::move(socket))
    , number_(number) {
  status_.endpoint = std::move(endpoint);
}

void broker_downlink::subscribe(const std::string& subject) {
  socket_.set(zmq::sockopt::subscribe, subject);
}

void broker_downlink::unsubscribe(const std::string& subject) {
  socket_.set(zmq::sockopt::unsubscribe, subject);
}

void broker_downlink::update() {
  while (const auto signal = monitor_->next()) {
    note_signal(*signal, status_);
  }
}

bool broker_downlink::read(const message_sink& take) {
  try {
    for (std::size_t taken = 0; taken < parts_per_turn; ++taken) {
      zmq::message_t excess;
      zmq::message_t& part =
          parts_come_ < parts_max ? parts_[parts_come_] : excess;
      if (!socket_.recv(part, zmq::recv_flags::dontwait)) {
        return true;
      }
      ++parts_come_;
      if (!part.more()) {
        end_message(take);
      }
    }
    return false;
  } catch (const zmq::error_t&) {
    // Only when the sockets are being closed.
    return true;
  }
}

void broker_downlink::end_message(const message_sink& take) {
  std::array<byte_view, parts_max> views;
  const std::size_t count = std::min(parts_come_, parts_max);
  for (std::size_t at = 0; at < count; ++at) {
    views[at] = {parts_[at].data<std::uint8_t>(), parts_[at].size()};
    status_.bytes += parts_[at].size();
  }
  ++status_.messages;
  parts_come_ = 0;
  take({views.data(), count});
  // A large part would stay in memory until the next message comes.
  for (zmq::message_t& part : parts_) {
    part.rebuild();
  }
}

} // namespace dynamo
