#pragma once

#include "dynamo/transport/zmq_transport.hpp"

#include <zmq.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/eventually.hpp"

// Both ends of a ZMQ connection on loopback: ours, and bare sockets that do
// what a peer of another make, or a hostile one, would do.

namespace dynamo::zmq_test {

using namespace std::chrono_literals;

inline zmq_options loopback() {
  zmq_options options;
  options.host = "127.0.0.1";
  options.bind = "127.0.0.1";
  options.connect_timeout = 2000ms;
  return options;
}

inline std::unique_ptr<transport> started(const zmq_options& options) {
  auto made = make_zmq_transport(options);
  REQUIRE(made);
  return *std::move(made);
}

inline std::shared_ptr<const stream_name> kv_events() {
  return std::make_shared<const stream_name>(
      stream_name{"kv-events", "namespace.d.kv-events"});
}

inline wire_message message(std::uint64_t publisher_id, std::uint64_t sequence,
                            byte_buffer envelope = {1, 2, 3}) {
  return {kv_events(), publisher_id, sequence, std::move(envelope)};
}

/// A process that follows kv-events as subscription 1.
struct follower {
  std::shared_ptr<message_inbox> messages;
  std::shared_ptr<connection_inbox> changes =
      std::make_shared<connection_inbox>(inbox_limits{});
  std::vector<connection_change> changed;
  std::unique_ptr<transport> plane;

  explicit follower(const zmq_options& options = loopback(),
                    inbox_limits limits = {})
      : messages(std::make_shared<message_inbox>(limits))
      , plane(started(options)) {
    plane->report_to(changes, [] {});
    REQUIRE(in().subscribe({1, kv_events(), messages, [] {}}));
  }

  dynamo::receiver& in() { return plane->receiver(); }

  void connect(std::uint64_t publisher_id, const std::string& endpoint) {
    REQUIRE(in().connect(1, {publisher_id, endpoint}));
  }

  /// Waits for a change of a peer and forgets all changes up to it.
  bool sees(std::uint64_t publisher_id, connection_state state) {
    return eventually([&] {
      std::vector<inbox_item<connection_change>> items;
      changes->drain(items, 1000);
      for (auto& item : items) {
        changed.push_back(std::move(item.value));
      }
      for (std::size_t at = 0; at < changed.size(); ++at) {
        if (changed[at].remote.publisher_id == publisher_id &&
            changed[at].state == state) {
          changed.erase(changed.begin(),
                        changed.begin() + static_cast<std::ptrdiff_t>(at) + 1);
          return true;
        }
      }
      return false;
    });
  }

  /// Waits for `count` messages and takes all that are there.
  std::vector<wire_message> take(std::size_t count) {
    std::vector<inbox_item<wire_message>> items;
    eventually([&] {
      messages->drain(items, 1'000'000);
      return items.size() >= count;
    });
    std::vector<wire_message> taken;
    for (auto& item : items) {
      taken.push_back(std::move(item.value));
    }
    return taken;
  }
};

inline void send_to(zmq::socket_t& socket,
                    const std::vector<std::string>& parts) {
  for (std::size_t at = 0; at < parts.size(); ++at) {
    socket.send(zmq::buffer(parts[at]), at + 1 < parts.size()
                                            ? zmq::send_flags::sndmore
                                            : zmq::send_flags::none);
  }
}

/// A publisher that is not ours.
struct bare_publisher {
  zmq::context_t sockets;
  zmq::socket_t socket{sockets, zmq::socket_type::xpub};
  std::string endpoint;

  explicit bare_publisher(const std::string& at = "tcp://127.0.0.1:*") {
    socket.set(zmq::sockopt::linger, 1000);
    socket.set(zmq::sockopt::sndhwm, 0);
    // The port may still be held by one that has just been closed.
    REQUIRE(
        eventually([&] { return zmq_bind(socket.handle(), at.c_str()) == 0; }));
    endpoint = socket.get(zmq::sockopt::last_endpoint);
  }

  /// Waits until somebody has subscribed.
  bool is_heard() {
    zmq::message_t heard;
    socket.set(zmq::sockopt::rcvtimeo, 10'000);
    return socket.recv(heard).has_value();
  }

  void send(const std::vector<std::string>& parts) { send_to(socket, parts); }
};

inline std::string big_endian(std::uint64_t value) {
  std::string bytes(8, '\0');
  store_u64_be(reinterpret_cast<std::uint8_t*>(bytes.data()), value);
  return bytes;
}

inline std::string framed(std::string_view envelope) {
  std::string bytes(5, '\x01');
  store_u32_be(reinterpret_cast<std::uint8_t*>(bytes.data()) + 1,
               static_cast<std::uint32_t>(envelope.size()));
  return bytes + std::string{envelope};
}

inline std::vector<std::string> good(std::uint64_t publisher_id,
                                     std::uint64_t sequence) {
  return {"kv-events", big_endian(publisher_id), big_endian(sequence),
          framed("abc")};
}

} // namespace dynamo::zmq_test
