#include "dynamo/discovery/kube_keeper.hpp"

#include "dynamo/base/ids.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace dynamo {

namespace {

/// After so long without it, a change by others is the first one again.
constexpr std::chrono::minutes quiet_time{1};

constexpr std::string_view apply_type = "application/apply-patch+yaml";

std::string place_of(const record& value) {
  return std::string{kube_map_of(bucket_of(value))} + '/' + key_of(value);
}

/// Versions of one kind of objects count up; 0 when it is no number.
std::uint64_t number_of(const std::string& version) {
  std::uint64_t number = 0;
  std::from_chars(version.data(), version.data() + version.size(), number);
  return number;
}

} // namespace

kube_keeper::kube_keeper(const parts& around, plan order)
    : around_(around)
    , plan_(std::move(order))
    , delay_(around.timing.retry, random_u64())
    , rewrite_delay_(around.timing.retry, random_u64()) {}

std::string kube_keeper::object_path() const {
  return plan_.path + '/' + plan_.who.object_name;
}

// -- What is wanted

void kube_keeper::advertise(const record& value, clock_time now,
                            outcome_sink done) {
  std::string text = kube_value_of(value);
  status checked = check_record(value);
  if (checked) {
    checked = check_kube_numbers(text);
  }
  if (!checked) {
    done(checked);
    return;
  }
  std::string& known = records_[bucket_of(value)][key_of(value)];
  if (known != text) {
    known = std::move(text);
    ++change_;
  }
  wait_for_change(now, std::move(done));
}

void kube_keeper::withdraw(const record& value, clock_time now,
                           outcome_sink done) {
  if (records_[bucket_of(value)].erase(key_of(value)) == 0) {
    done(error{errc::not_found,
               "withdraw: no record of ours at " + place_of(value)});
    return;
  }
  ++change_;
  wait_for_change(now, std::move(done));
}

void kube_keeper::wait_for_change(clock_time now, outcome_sink done) {
  if (change_ == stored_change_) {
    done(ok());
    return;
  }
  waiters_.push_back({std::move(done), now + around_.timing.answer, change_});
}

std::uint64_t kube_keeper::owned() const {
  std::uint64_t count = 0;
  for (const auto& [where, values] : records_) {
    count += values.size();
  }
  return count;
}

// -- Doing it

void kube_keeper::turn(clock_time now) {
  if (request_ == 0 && change_ != stored_change_ && now >= retry_at_) {
    has_looked_ ? apply() : look();
  } else if (request_ == 0 && is_doubted_) {
    is_doubted_ = false;
    check();
  }
  tell([now](const waiter& each) { return now >= each.deadline; },
       error{errc::unavailable, "the object " + plan_.who.object_name +
                                    " could not be written yet; it will be" +
                                    (failure_.empty() ? "" : ": " + failure_)});
}

kube_keeper::clock_time kube_keeper::due() const {
  clock_time next = clock_time::max();
  if (request_ == 0 && change_ != stored_change_) {
    next = retry_at_;
  }
  for (const waiter& each : waiters_) {
    next = std::min(next, each.deadline);
  }
  return next;
}

/// Whether an earlier incarnation left an object of the same name.
void kube_keeper::look() {
  request_ = around_.http.start(
      {"GET", object_path(), {}, {}, false},
      {[] {}, [](const std::string&) {},
       [this](const kube_answer& answer) { on_looked(answer); }});
}

void kube_keeper::on_looked(const kube_answer& answer) {
  request_ = 0;
  if (answer.status == kube_status::not_found) {
    has_looked_ = true;
    apply();
    return;
  }
  if (!answer.is_ok()) {
    fail("get", answer);
    return;
  }
  const kube_object found =
      kube_object_from(nlohmann::json::parse(answer.body, nullptr, false));
  const bool is_ours = std::find(found.pod_uids.begin(), found.pod_uids.end(),
                                 plan_.who.pod_uid) != found.pod_uids.end();
  if (is_ours) {
    has_looked_ = true;
    apply();
    return;
  }
  remove_stale(found);
}

void kube_keeper::remove_stale(const kube_object& object) {
  around_.notice("kubernetes discovery: the object " + object.name +
                 " belongs to another pod; it is replaced");
  // Only that very object, should somebody else have been quicker.
  const nlohmann::json options{
      {"apiVersion", "v1"},
      {"kind", "DeleteOptions"},
      {"preconditions",
       {{"uid", object.uid}, {"resourceVersion", object.version}}}};
  request_ = around_.http.start(
      {"DELETE", object_path(), options.dump(), "application/json", false},
      {[] {}, [](const std::string&) {},
       [this](const kube_answer& answer) {
         request_ = 0;
         const bool is_over = answer.is_ok() ||
                              answer.status == kube_status::not_found ||
                              answer.status == kube_status::conflict;
         is_over ? look() : fail("delete", answer);
       }});
}

void kube_keeper::apply() {
  const std::uint64_t change = change_;
  request_ = around_.http.start(
      {"PATCH",
       object_path() + "?force=true&fieldManager=" + plan_.field_manager,
       kube_apply_body(plan_.who, records_), apply_type, false},
      {[] {}, [](const std::string&) {},
       [this, change](const kube_answer& answer) {
         on_applied(change, answer);
       }});
}

void kube_keeper::on_applied(std::uint64_t change, const kube_answer& answer) {
  request_ = 0;
  if (!answer.is_ok()) {
    fail("patch", answer);
    return;
  }
  stored_ =
      kube_object_from(nlohmann::json::parse(answer.body, nullptr, false));
  stored_change_ = change;
  failure_.clear();
  delay_.reset();
  if (!std::exchange(told_, {}).empty()) {
    around_.notice("kubernetes discovery: the object " + plan_.who.object_name +
                   " could be written");
  }
  tell([change](const waiter& each) { return each.change <= change; }, ok());
}

/// Everything is tried again: rights may be given, and an object may shrink.
void kube_keeper::fail(const std::string& what, const kube_answer& answer) {
  failure_ = what + ": " + answer.reason;
  retry_at_ = std::chrono::steady_clock::now() +
              std::max(delay_.next(),
                       std::min(answer.retry_after, around_.timing.advice_max));
  if (answer.status != 0 && std::exchange(told_, failure_) != failure_) {
    around_.notice("kubernetes discovery: the object " + plan_.who.object_name +
                   " cannot be written: " + failure_);
  }
}

void kube_keeper::tell(const std::function<bool(const waiter&)>& which,
                       const status& outcome) {
  const auto told =
      std::stable_partition(waiters_.begin(), waiters_.end(),
                            [&](const waiter& each) { return !which(each); });
  const std::vector<waiter> those{told, waiters_.end()};
  waiters_.erase(told, waiters_.end());
  for (const waiter& each : those) {
    each.done(outcome);
  }
}

// -- What others do to it

void kube_keeper::seen(const kube_object& object) {
  // While something is on its way, its answer says more.
  if (!stored_ || request_ != 0 || change_ != stored_change_ ||
      object.name != plan_.who.object_name ||
      number_of(object.version) <= number_of(stored_->version)) {
    return;
  }
  for (const auto& [where, values] : stored_->records) {
    const auto there = object.records.find(where);
    for (const auto& [key, text] : values) {
      const auto own = records_.find(where);
      if (own == records_.end() || !own->second.contains(key)) {
        continue;
      }
      const bool is_kept = there != object.records.end() &&
                           there->second.contains(key) &&
                           there->second.at(key) == text;
      if (!is_kept) {
        lose(std::string{kube_map_of(where)} + '/' + key +
             " was changed or removed");
        return;
      }
    }
  }
  const auto& owners = object.pod_uids;
  if (std::find(owners.begin(), owners.end(), plan_.who.pod_uid) ==
      owners.end()) {
    lose("its owner was changed");
  }
}

// A list may be older than our last apply.
void kube_keeper::missed() {
  is_doubted_ = stored_.has_value() && owned() > 0;
}

void kube_keeper::check() {
  request_ = around_.http.start(
      {"GET", object_path(), {}, {}, false},
      {[] {}, [](const std::string&) {},
       [this](const kube_answer& answer) { on_checked(answer); }});
}

void kube_keeper::on_checked(const kube_answer& answer) {
  request_ = 0;
  if (answer.status == kube_status::not_found && change_ == stored_change_) {
    lose("it was deleted");
  } else if (answer.is_ok()) {
    seen(kube_object_from(nlohmann::json::parse(answer.body, nullptr, false)));
  }
}

void kube_keeper::lose(const std::string& reason) {
  around_.notice("kubernetes discovery: the object " + plan_.who.object_name +
                 " is written again: " + reason);
  republished_ += owned();
  stored_.reset();
  ++change_;
  // Somebody who does so again and again is not answered at once.
  const auto now = std::chrono::steady_clock::now();
  if (now > rewritten_at_ + quiet_time) {
    rewrite_delay_.reset();
  }
  rewritten_at_ = now;
  retry_at_ = now + rewrite_delay_.next();
}

void kube_keeper::close() {
  tell([](const waiter&) { return true; },
       error{errc::closed, "discovery is closed"});
  around_.http.cancel(std::exchange(request_, 0));
  const bool is_clean = owned() == 0 && change_ == stored_change_;
  if (is_clean || !has_looked_) {
    return;
  }
  records_.clear();
  ++change_;
  apply();
}

} // namespace dynamo
