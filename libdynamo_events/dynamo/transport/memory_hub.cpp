#include "dynamo/transport/memory_hub.hpp"

#include <map>
#include <utility>
#include <vector>

namespace dynamo {

// One lock for all links of a hub; what has to be woken is woken without it.
struct memory_hub::link final : shared_link {
  explicit link(std::shared_ptr<memory_hub> of)
      : hub(std::move(of)) {}
  ~link() override {
    const lock_guard guard{hub->mutex_};
    hub->links_.erase(this);
  }
  link(const link&) = delete;
  link& operator=(const link&) = delete;

  void report_to(std::shared_ptr<link_inbox> to,
                 std::function<void()> wake_up) override {
    reports = std::move(to);
    wake = std::move(wake_up);
  }
  void connect() override;
  void publish(link_batch batch) override;
  status subscribe(subscription wanted) override;
  void unsubscribe(subscription_id id) override {
    const lock_guard guard{hub->mutex_};
    subscriptions.erase(id);
  }
  receiver_counts received() const override {
    const lock_guard guard{hub->mutex_};
    return received_counts;
  }
  link_counts counts() const override {
    const lock_guard guard{hub->mutex_};
    return totals;
  }
  void close() override;

  void report(link_report what) {
    if (reports->push(std::move(what), sizeof(link_report)) ==
        push_outcome::queued_first) {
      wake();
    }
  }
  link_change change_of(link_state state, std::string reason) {
    return {state, "memory", std::move(reason), epoch, 0, false, false};
  }
  link_state state_without() const {
    return epoch == 0 ? link_state::connecting : link_state::reconnecting;
  }

  const std::shared_ptr<memory_hub> hub;
  std::shared_ptr<link_inbox> reports;
  std::function<void()> wake;
  // Guarded by the hub's lock.
  std::map<subscription_id, subscription> subscriptions;
  bool is_connected = false;
  std::uint64_t epoch = 0;
  std::size_t envelope_bytes_max = 0;
  link_counts totals;
  receiver_counts received_counts;
};

void memory_hub::link::connect() {
  link_change change;
  {
    const lock_guard guard{hub->mutex_};
    if (is_connected) {
      return;
    }
    if (!hub->is_up_ || !hub->is_welcoming_) {
      ++totals.failures;
      change = !hub->is_up_ ? change_of(state_without(), "nobody is there")
                            : change_of(link_state::authentication_failed,
                                        "strangers are refused");
    } else {
      is_connected = true;
      ++epoch;
      ++totals.connects;
      envelope_bytes_max = hub->envelope_bytes_max_;
      change = change_of(link_state::connected, {});
      change.envelope_bytes_max = envelope_bytes_max;
    }
  }
  report(std::move(change));
}

void memory_hub::link::publish(link_batch batch) {
  link_outcome outcome{batch.publisher_id, batch.number, batch.epoch};
  std::vector<std::function<void()>> to_wake;
  bool is_answered = true;
  {
    const lock_guard guard{hub->mutex_};
    if (!is_connected || batch.epoch != epoch) {
      return;
    }
    bool is_first_heard = batch.messages->empty();
    for (std::size_t i = 0; i < batch.messages->size(); ++i) {
      const wire_message& message = (*batch.messages)[i];
      if (message.envelope.size() > envelope_bytes_max) {
        ++outcome.refused;
        ++totals.too_large;
        continue;
      }
      ++outcome.sent;
      for (link* other : hub->links_) {
        for (auto& [id, target] : other->subscriptions) {
          if (!other->is_connected ||
              target.name->subject != message.name->subject) {
            continue;
          }
          is_first_heard = is_first_heard || i == 0;
          const auto size = sizeof(wire_message) + message.envelope.size();
          const auto pushed = target.inbox->push(message, size);
          if (pushed == push_outcome::dropped) {
            ++other->received_counts.overflowed;
            continue;
          }
          ++other->received_counts.accepted;
          if (pushed == push_outcome::queued_first) {
            to_wake.push_back(target.wake);
          }
        }
      }
    }
    outcome.unheard = !is_first_heard && outcome.sent > 0;
    totals.confirmed += outcome.sent;
    is_answered = hub->is_answering_;
  }
  for (const auto& wake_up : to_wake) {
    wake_up();
  }
  if (is_answered) {
    report(outcome);
  }
}

status memory_hub::link::subscribe(subscription wanted) {
  const lock_guard guard{hub->mutex_};
  const subscription_id id = wanted.id;
  if (!subscriptions.emplace(id, std::move(wanted)).second) {
    return error{errc::exists,
                 "subscription " + std::to_string(id) + " is there already"};
  }
  return ok();
}

void memory_hub::link::close() {
  {
    const lock_guard guard{hub->mutex_};
    is_connected = false;
  }
  report(change_of(link_state::closed, {}));
}

// -- What the hub does to its links

void memory_hub::set_up(bool is_up) {
  std::vector<link*> lost;
  {
    const lock_guard guard{mutex_};
    is_up_ = is_up;
    for (link* each : links_) {
      if (!is_up && std::exchange(each->is_connected, false)) {
        ++each->totals.losses;
        lost.push_back(each);
      }
    }
  }
  for (link* each : lost) {
    each->report(
        each->change_of(link_state::reconnecting, "the server is gone"));
  }
}

void memory_hub::begin_lame_duck() {
  std::vector<link*> asked;
  {
    const lock_guard guard{mutex_};
    for (link* each : links_) {
      if (std::exchange(each->is_connected, false)) {
        asked.push_back(each);
      }
    }
  }
  for (link* each : asked) {
    auto change = each->change_of(link_state::reconnecting, "lame duck");
    change.lame_duck = true;
    each->report(std::move(change));
  }
}

void memory_hub::set_welcoming(bool is_welcoming) {
  const lock_guard guard{mutex_};
  is_welcoming_ = is_welcoming;
}

void memory_hub::set_answering(bool is_answering) {
  const lock_guard guard{mutex_};
  is_answering_ = is_answering;
}

void memory_hub::set_envelope_bytes_max(std::size_t most) {
  const lock_guard guard{mutex_};
  envelope_bytes_max_ = most;
}

std::unique_ptr<shared_link> make_memory_link(std::shared_ptr<memory_hub> hub) {
  auto made = std::make_unique<memory_hub::link>(hub);
  const lock_guard guard{hub->mutex_};
  hub->links_.insert(made.get());
  return made;
}

} // namespace dynamo
