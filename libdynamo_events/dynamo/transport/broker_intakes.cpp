#include "dynamo/transport/broker_intakes.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

status broker_intakes::add(subscription wanted) {
  const lock_guard guard{mutex_};
  const subscription_id id = wanted.id;
  if (intakes_.contains(id)) {
    return error{errc::exists, "the subscription id is in use"};
  }
  changed_ =
      names_.try_emplace(wanted.name->subject, wanted.name).second || changed_;
  intakes_.emplace(
      id, std::make_unique<message_intake>(std::move(wanted), counters_));
  return ok();
}

void broker_intakes::remove(subscription_id id) {
  // What it holds goes when the mutex is free.
  std::unique_ptr<message_intake> gone;
  const lock_guard guard{mutex_};
  const auto found = intakes_.find(id);
  if (found == intakes_.end()) {
    return;
  }
  gone = std::move(found->second);
  intakes_.erase(found);
  const std::string& subject = gone->target().name->subject;
  const bool is_last =
      std::none_of(intakes_.begin(), intakes_.end(), [&](const auto& other) {
        return other.second->target().name->subject == subject;
      });
  if (is_last) {
    names_.erase(subject);
    changed_ = true;
  }
}

void broker_intakes::clear() {
  const lock_guard guard{mutex_};
  intakes_.clear();
  names_.clear();
}

std::optional<std::set<std::string>> broker_intakes::changed_subjects() {
  const lock_guard guard{mutex_};
  if (!std::exchange(changed_, false)) {
    return std::nullopt;
  }
  std::set<std::string> subjects;
  for (const auto& [subject, name] : names_) {
    subjects.insert(subject);
  }
  return subjects;
}

std::shared_ptr<const stream_name>
broker_intakes::name_of(std::string_view subject) {
  const lock_guard guard{mutex_};
  const auto found = names_.find(subject);
  return found == names_.end() ? nullptr : found->second;
}

void broker_intakes::take(wire_message&& message) {
  const lock_guard guard{mutex_};
  message_intake* last = nullptr;
  for (const auto& [id, intake] : intakes_) {
    if (intake->target().name->subject != message.name->subject) {
      continue;
    }
    if (last != nullptr) {
      last->take(message);
    }
    last = intake.get();
  }
  if (last != nullptr) {
    last->take(std::move(message));
  }
}

void broker_intakes::flush() {
  const lock_guard guard{mutex_};
  for (const auto& [id, intake] : intakes_) {
    intake->flush();
  }
}

} // namespace dynamo
