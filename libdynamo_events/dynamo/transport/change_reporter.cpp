#include "dynamo/transport/change_reporter.hpp"

namespace dynamo {

void change_reporter::report_to(std::shared_ptr<connection_inbox> changes,
                                std::function<void()> wake) {
  changes_ = std::move(changes);
  wake_ = std::move(wake);
}

void change_reporter::wake() const {
  if (wake_) {
    wake_();
  }
}

void change_reporter::report(connection_change change) {
  const key whose{change.subscription, change.remote.publisher_id};
  const bool must_queue = kept_.contains(whose);
  if (must_queue || !push(change)) {
    kept_.insert_or_assign(whose, std::move(change));
  }
}

void change_reporter::retry() {
  while (!kept_.empty() && push(kept_.begin()->second)) {
    kept_.erase(kept_.begin());
  }
}

void change_reporter::forget(subscription_id id, std::uint64_t publisher_id) {
  kept_.erase({id, publisher_id});
}

void change_reporter::forget(subscription_id id) {
  kept_.erase(kept_.lower_bound({id, 0}), kept_.lower_bound({id + 1, 0}));
}

bool change_reporter::push(const connection_change& change) {
  if (!changes_) {
    return false;
  }
  const std::size_t size =
      sizeof change + change.reason.size() + change.remote.endpoint.size();
  const push_outcome outcome = changes_->push(change, size);
  if (outcome == push_outcome::queued_first) {
    wake_();
  }
  return outcome != push_outcome::dropped;
}

} // namespace dynamo
