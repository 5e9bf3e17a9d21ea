#include "dynamo/transport/zmq_receiver.hpp"

#include "dynamo/base/thread_name.hpp"
#include "dynamo/transport/signal_shield.hpp"
#include "dynamo/transport/tcp_endpoint.hpp"
#include "dynamo/transport/zmq_socket_set.hpp"

#include <cassert>
#include <system_error>
#include <utility>

namespace dynamo {

namespace {

/// Connections that wait to be made; more than any cluster has publishers.
constexpr std::size_t commands_max = 65'536;

error closed() {
  return {errc::closed, "the receiver's thread has ended"};
}

} // namespace

result<std::unique_ptr<zmq_receiver>>
zmq_receiver::start(zmq::context_t& sockets, const zmq_options& options) {
  auto bell = doorbell::make();
  if (!bell) {
    return bell.error();
  }
  auto senders = subscription_watch::make();
  if (!senders) {
    return senders.error();
  }
  std::unique_ptr<zmq_receiver> started{new zmq_receiver{
      sockets, options, *std::move(bell), *std::move(senders)}};
  if (const status running = started->start_thread(); !running) {
    return running.error();
  }
  return started;
}

zmq_receiver::zmq_receiver(zmq::context_t& sockets, const zmq_options& options,
                           std::unique_ptr<doorbell> bell,
                           std::unique_ptr<subscription_watch> senders)
    : sockets_(sockets)
    , options_(options)
    , bell_(std::move(bell))
    , senders_(std::move(senders)) {}

status zmq_receiver::start_thread() {
  const signal_shield shield;
  try {
    thread_ = std::thread{[this] { run(); }};
    return ok();
  } catch (const std::system_error& failure) {
    return error{errc::io,
                 std::string{"start the receiver's thread: "} + failure.what()};
  }
}

zmq_receiver::~zmq_receiver() {
  if (!thread_.joinable()) {
    return;
  }
  {
    const lock_guard guard{mutex_};
    stopping_ = true;
  }
  bell_->ring();
  thread_.join();
}

void zmq_receiver::run() {
  name_this_thread("zmq-receive");
  {
    zmq_socket_set sockets{sockets_, options_, counters_};
    serve(sockets);
  }
  const lock_guard guard{mutex_};
  ended_ = true;
  applied_some_.notify_all();
}

void zmq_receiver::serve(zmq_socket_set& sockets) {
  const zmq_socket_set::descriptors others{bell_->descriptor(),
                                           senders_->descriptor()};
  if (!sockets.open(others)) {
    return;
  }
  while (!is_stopping()) {
    if (!sockets.wait(clock_.now())) {
      return;
    }
    sockets.serve(clock_.now());
    bell_->clear();
    apply_commands(sockets);
    if (senders_->take()) {
      sockets.tell_of_senders();
    }
  }
}

bool zmq_receiver::is_stopping() {
  const lock_guard guard{mutex_};
  return stopping_;
}

void zmq_receiver::apply_commands(zmq_socket_set& sockets) {
  std::vector<command> taken;
  {
    const lock_guard guard{mutex_};
    taken.swap(commands_);
  }
  if (taken.empty()) {
    return;
  }
  for (const command& one : taken) {
    one(sockets, clock_.now());
  }
  const std::size_t count = taken.size();
  // What the commands hold, such as a `wake`, goes before unsubscribe()
  // returns.
  taken.clear();
  const lock_guard guard{mutex_};
  applied_ += count;
  applied_some_.notify_all();
}

void zmq_receiver::issue(command what) {
  commands_.push_back(std::move(what));
  ++issued_;
}

void zmq_receiver::report_to(std::shared_ptr<connection_inbox> changes,
                             std::function<void()> wake) {
  {
    const lock_guard guard{mutex_};
    issue([changes = std::move(changes),
           wake = std::move(wake)](zmq_socket_set& sockets, clock::time_point) {
      sockets.report_to(changes, wake);
    });
  }
  bell_->ring();
}

status zmq_receiver::subscribe(subscription wanted) {
  assert(wanted.name != nullptr && wanted.inbox != nullptr && wanted.wake);
  {
    const lock_guard guard{mutex_};
    if (ended_) {
      return closed();
    }
    if (!known_.insert(wanted.id).second) {
      return error{errc::exists, "subscription " + std::to_string(wanted.id) +
                                     " is there already"};
    }
    issue([wanted = std::move(wanted)](zmq_socket_set& sockets,
                                       clock::time_point) {
      sockets.subscribe(wanted);
    });
  }
  bell_->ring();
  return ok();
}

void zmq_receiver::unsubscribe(subscription_id id) {
  assert(std::this_thread::get_id() != thread_.get_id());
  std::uint64_t ticket = 0;
  {
    const lock_guard guard{mutex_};
    if (known_.erase(id) == 0) {
      return;
    }
    issue([id](zmq_socket_set& sockets, clock::time_point) {
      sockets.unsubscribe(id);
    });
    ticket = issued_;
  }
  bell_->ring();
  const lock_guard guard{mutex_};
  while (applied_ < ticket && !ended_) {
    applied_some_.wait(mutex_);
  }
}

status zmq_receiver::connect(subscription_id id, const peer& remote) {
  if (const auto endpoint = parse_tcp_endpoint(remote.endpoint); !endpoint) {
    return endpoint.error();
  }
  {
    const lock_guard guard{mutex_};
    if (ended_) {
      return closed();
    }
    if (!known_.contains(id)) {
      return error{errc::not_found, "no subscription " + std::to_string(id)};
    }
    if (commands_.size() >= commands_max) {
      return error{errc::unavailable,
                   "connect to " + remote.endpoint + ": too many wait already"};
    }
    issue([id, remote](zmq_socket_set& sockets, clock::time_point now) {
      sockets.connect(id, remote, now);
    });
  }
  bell_->ring();
  return ok();
}

void zmq_receiver::disconnect(subscription_id id, std::uint64_t publisher_id) {
  {
    const lock_guard guard{mutex_};
    if (!known_.contains(id)) {
      return;
    }
    issue([id, publisher_id](zmq_socket_set& sockets, clock::time_point now) {
      sockets.disconnect(id, publisher_id, now);
    });
  }
  bell_->ring();
}

} // namespace dynamo
