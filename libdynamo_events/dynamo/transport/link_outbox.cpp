#include "dynamo/transport/link_outbox.hpp"

#include <utility>

namespace dynamo {

void link_outbox::direct(std::shared_ptr<link_inbox> reports,
                         std::function<void()> wake) {
  const lock_guard guard{mutex_};
  reports_ = std::move(reports);
  wake_ = std::move(wake);
}

void link_outbox::report(link_report what) {
  unreported_.push_back(std::move(what));
  offer();
}

void link_outbox::offer() {
  std::shared_ptr<link_inbox> reports;
  std::function<void()> wake;
  {
    const lock_guard guard{mutex_};
    reports = reports_;
    wake = wake_;
  }
  if (reports == nullptr) {
    unreported_.clear();
  }
  while (!unreported_.empty()) {
    const push_outcome outcome =
        reports->push(unreported_.front(), sizeof(link_report));
    if (outcome == push_outcome::dropped) {
      return;
    }
    unreported_.pop_front();
    if (outcome == push_outcome::queued_first) {
      wake();
    }
  }
}

} // namespace dynamo
