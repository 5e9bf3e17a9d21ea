#include "dynamo/transport/memory.hpp"

#include "dynamo/transport/message_intake.hpp"
#include "dynamo/transport/receiver_counters.hpp"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <set>
#include <utility>

namespace dynamo {

/// Where changes of connections are reported.
struct change_target {
  std::shared_ptr<connection_inbox> changes;
  std::function<void()> wake;
};

struct memory_network::inlet {
  message_intake intake;
  /// Keeps what the intake counts into.
  std::shared_ptr<receiver_counters> counters;
  change_target reports;

  void report(const peer& remote, connection_state state,
              std::string reason) const {
    if (!reports.changes) {
      return;
    }
    connection_change change{intake.target().id, remote, state,
                             std::move(reason)};
    if (reports.changes->push(std::move(change), sizeof(connection_change)) ==
        push_outcome::queued_first) {
      reports.wake();
    }
  }
};

void memory_network::cut(const std::string& endpoint) {
  const outlet former = take_connections(endpoint);
  for (const connection& one : former.connections) {
    one.from->report(one.remote, connection_state::lost, "cut");
  }
  if (former.stirred) {
    former.stirred();
  }
}

void memory_network::close(const std::string& endpoint) {
  const outlet ended = take_connections(endpoint);
  {
    const lock_guard guard{mutex_};
    outlets_.erase(endpoint);
    refusing_.erase(endpoint);
  }
  for (const connection& one : ended.connections) {
    one.from->report(one.remote, connection_state::lost, "closed");
  }
}

void memory_network::refuse(const std::string& endpoint) {
  const lock_guard guard{mutex_};
  refusing_.insert(endpoint);
}

void memory_network::accept(const std::string& endpoint) {
  const lock_guard guard{mutex_};
  refusing_.erase(endpoint);
}

std::size_t memory_network::connections(const std::string& endpoint) const {
  const lock_guard guard{mutex_};
  const auto found = outlets_.find(endpoint);
  return found == outlets_.end() ? 0 : found->second.connections.size();
}

std::string memory_network::open(std::shared_ptr<const stream_name> name,
                                 std::function<void()> stirred) {
  const lock_guard guard{mutex_};
  std::string endpoint = "mem://" + std::to_string(++endpoints_made_);
  outlets_.emplace(endpoint, outlet{std::move(name), {}, std::move(stirred)});
  return endpoint;
}

connection_state memory_network::connect(std::shared_ptr<inlet> from,
                                         const peer& remote) {
  disconnect(*from, remote.publisher_id);
  std::function<void()> stirred;
  {
    const lock_guard guard{mutex_};
    const auto found = outlets_.find(remote.endpoint);
    if (found == outlets_.end() || refusing_.contains(remote.endpoint)) {
      return connection_state::failed;
    }
    found->second.connections.push_back({std::move(from), remote});
    stirred = found->second.stirred;
  }
  stirred();
  return connection_state::connected;
}

void memory_network::disconnect(const inlet& from, std::uint64_t publisher_id) {
  disconnect_if([&](const connection& one) {
    return one.from.get() == &from && one.remote.publisher_id == publisher_id;
  });
}

void memory_network::disconnect_all(const inlet& from) {
  disconnect_if(
      [&from](const connection& one) { return one.from.get() == &from; });
}

void memory_network::disconnect_if(
    const std::function<bool(const connection&)>& is_meant) {
  std::vector<std::function<void()>> stirred;
  {
    const lock_guard guard{mutex_};
    for (auto& [endpoint, open] : outlets_) {
      if (std::erase_if(open.connections, is_meant) > 0) {
        stirred.push_back(open.stirred);
      }
    }
  }
  for (const auto& tell : stirred) {
    tell();
  }
}

send_outcome memory_network::send(const std::string& endpoint,
                                  const wire_message& message) {
  outlet heard;
  {
    const lock_guard guard{mutex_};
    const auto found = outlets_.find(endpoint);
    if (found == outlets_.end()) {
      return send_outcome::refused;
    }
    heard = found->second;
  }
  send_outcome outcome = send_outcome::unheard;
  for (const connection& one : heard.connections) {
    message_intake& intake = one.from->intake;
    if (intake.target().name->topic != heard.name->topic) {
      continue;
    }
    outcome = send_outcome::sent;
    if (one.remote.publisher_id != message.publisher_id) {
      intake.refuse_identity();
      continue;
    }
    intake.take({message.publisher_id, message.sequence, message.envelope});
    intake.flush();
  }
  return outcome;
}

std::size_t memory_network::subscribers(const std::string& endpoint) const {
  const lock_guard guard{mutex_};
  const auto found = outlets_.find(endpoint);
  if (found == outlets_.end()) {
    return 0;
  }
  const outlet& open = found->second;
  return static_cast<std::size_t>(std::count_if(
      open.connections.begin(), open.connections.end(),
      [&open](const connection& one) {
        return one.from->intake.target().name->topic == open.name->topic;
      }));
}

memory_network::outlet
memory_network::take_connections(const std::string& endpoint) {
  const lock_guard guard{mutex_};
  const auto found = outlets_.find(endpoint);
  if (found == outlets_.end()) {
    return {};
  }
  outlet former = found->second;
  found->second.connections.clear();
  return former;
}

namespace {

class memory_sender final : public sender {
 public:
  memory_sender(std::shared_ptr<memory_network> network, std::string endpoint)
      : network_(std::move(network))
      , endpoint_(std::move(endpoint)) {}

  ~memory_sender() override { network_->close(endpoint_); }

  send_outcome send(const wire_message& message) override {
    const send_outcome outcome = network_->send(endpoint_, message);
    switch (outcome) {
    case send_outcome::sent:
      ++counts_.sent;
      counts_.bytes += message.envelope.size();
      break;
    case send_outcome::unheard:
      ++counts_.unheard;
      break;
    case send_outcome::refused:
      ++counts_.refused;
      break;
    }
    return outcome;
  }

  const std::string& endpoint() const override { return endpoint_; }
  std::optional<std::size_t> subscribers() override {
    return network_->subscribers(endpoint_);
  }
  sender_counts counts() const override { return counts_; }

 private:
  std::shared_ptr<memory_network> network_;
  std::string endpoint_;
  sender_counts counts_;
};

class memory_receiver final : public receiver {
 public:
  explicit memory_receiver(std::shared_ptr<memory_network> network)
      : network_(std::move(network)) {}

  ~memory_receiver() override {
    for (const auto& [id, one] : take_inlets()) {
      network_->disconnect_all(*one);
    }
  }

  void report_to(change_target reports) {
    const lock_guard guard{mutex_};
    reports_ = std::move(reports);
  }

  status subscribe(subscription wanted) override {
    assert(wanted.name != nullptr && wanted.inbox != nullptr && wanted.wake);
    const lock_guard guard{mutex_};
    const subscription_id id = wanted.id;
    if (inlets_.contains(id)) {
      return error{errc::exists,
                   "subscription " + std::to_string(id) + " is there already"};
    }
    inlets_.emplace(
        id, std::make_shared<memory_network::inlet>(memory_network::inlet{
                {std::move(wanted), *counters_}, counters_, reports_}));
    return ok();
  }

  void unsubscribe(subscription_id id) override {
    std::shared_ptr<memory_network::inlet> ended;
    {
      const lock_guard guard{mutex_};
      const auto found = inlets_.find(id);
      if (found == inlets_.end()) {
        return;
      }
      ended = std::move(found->second);
      inlets_.erase(found);
    }
    network_->disconnect_all(*ended);
  }

  status connect(subscription_id id, const peer& remote) override {
    const auto from = find(id);
    if (!from) {
      return error{errc::not_found, "no subscription " + std::to_string(id)};
    }
    const connection_state state = network_->connect(from, remote);
    from->report(remote, state,
                 state == connection_state::failed ? "nobody is there" : "");
    return ok();
  }

  void disconnect(subscription_id id, std::uint64_t publisher_id) override {
    if (const auto from = find(id)) {
      network_->disconnect(*from, publisher_id);
    }
  }

  receiver_counts counts() const override { return counters_->picture(); }

 private:
  using inlets =
      std::map<subscription_id, std::shared_ptr<memory_network::inlet>>;

  inlets take_inlets() {
    const lock_guard guard{mutex_};
    return std::exchange(inlets_, {});
  }

  std::shared_ptr<memory_network::inlet> find(subscription_id id) {
    const lock_guard guard{mutex_};
    const auto found = inlets_.find(id);
    return found == inlets_.end() ? nullptr : found->second;
  }

  const std::shared_ptr<memory_network> network_;
  const std::shared_ptr<receiver_counters> counters_ =
      std::make_shared<receiver_counters>();
  mutex mutex_;
  change_target reports_ DYNAMO_GUARDED_BY(mutex_);
  inlets inlets_ DYNAMO_GUARDED_BY(mutex_);
};

class memory_transport final : public transport {
 public:
  explicit memory_transport(std::shared_ptr<memory_network> network)
      : network_(std::move(network))
      , receiver_(network_) {}

  result<std::unique_ptr<sender>> open(const sender_request& wanted) override {
    assert(wanted.name != nullptr);
    const auto tell = [wake = wake_, stirred = stirred_,
                       id = wanted.publisher_id] {
      stirred->add(id);
      if (wake) {
        wake();
      }
    };
    return std::unique_ptr<sender>{
        new memory_sender{network_, network_->open(wanted.name, tell)}};
  }

  dynamo::receiver& receiver() override { return receiver_; }

  void report_to(std::shared_ptr<connection_inbox> changes,
                 std::function<void()> wake) override {
    wake_ = wake;
    receiver_.report_to({std::move(changes), std::move(wake)});
  }

  std::set<std::uint64_t> stirred() override { return stirred_->take(); }

 private:
  class publisher_set {
   public:
    void add(std::uint64_t id) {
      const lock_guard guard{mutex_};
      ids_.insert(id);
    }
    std::set<std::uint64_t> take() {
      const lock_guard guard{mutex_};
      return std::exchange(ids_, {});
    }

   private:
    mutex mutex_;
    std::set<std::uint64_t> ids_ DYNAMO_GUARDED_BY(mutex_);
  };

  std::shared_ptr<memory_network> network_;
  const std::shared_ptr<publisher_set> stirred_ =
      std::make_shared<publisher_set>();
  memory_receiver receiver_;
  std::function<void()> wake_;
};

} // namespace

std::unique_ptr<transport>
make_memory_transport(std::shared_ptr<memory_network> network) {
  return std::make_unique<memory_transport>(std::move(network));
}

} // namespace dynamo
