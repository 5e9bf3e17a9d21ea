#include "dynamo/discovery/kube_reflector.hpp"

#include "dynamo/base/ids.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

kube_reflector::kube_reflector(const parts& around, kube_collection what,
                               std::chrono::milliseconds relist,
                               kube_collection_sink sink)
    : around_(around)
    , what_(std::move(what))
    , relist_(relist)
    , sink_(std::move(sink))
    , random_(random_u64())
    , delay_(around.timing.retry, random_u64()) {}

void kube_reflector::turn(clock_time now) {
  if (is_untold() && now >= failing_since_ + around_.timing.outage) {
    outage_ = what_.name + ": " + failure_;
    told_status_ = failure_status_;
    around_.notice("kubernetes discovery: cannot see " + outage_);
  }
  switch (phase_) {
  case phase::waiting:
    if (now >= retry_at_) {
      version_.empty() ? list({}) : watch();
    }
    break;
  case phase::watching:
    if (now >= heard_at_ + around_.timing.silence) {
      // A frozen server, or one whose version lies in our future.
      relist_now("nothing was said for " +
                 std::to_string(around_.timing.silence.count() / 1000) + " s");
    } else if (now >= relist_at_) {
      is_repair_ = true;
      relist_now({});
    }
    break;
  case phase::listing:
    break;
  }
}

kube_reflector::clock_time kube_reflector::due() const {
  clock_time next = clock_time::max();
  if (is_untold()) {
    next = failing_since_ + around_.timing.outage;
  }
  if (phase_ == phase::waiting) {
    next = std::min(next, retry_at_);
  } else if (phase_ == phase::watching) {
    next = std::min({next, relist_at_, heard_at_ + around_.timing.silence});
  }
  return next;
}

/// Between nine tenths and all of it, so that processes do not keep step.
std::chrono::milliseconds
kube_reflector::about(std::chrono::milliseconds time) {
  std::uniform_int_distribution<std::int64_t> around{time.count() * 9 / 10,
                                                     time.count()};
  return std::chrono::milliseconds{around(random_)};
}

std::string kube_reflector::query(const std::string& more) const {
  return what_.path + '?' +
         (what_.selector.empty() ? ""
                                 : "labelSelector=" + what_.selector + '&') +
         more;
}

// -- Listing

void kube_reflector::list(const std::string& next) {
  if (next.empty()) {
    listed_.clear();
    changed_ = 0;
  }
  phase_ = phase::listing;
  std::string limit = "limit=" + std::to_string(around_.timing.page);
  request_ = around_.http.start(
      {"GET",
       query(limit + (next.empty() ? "" : "&continue=" + next)),
       {},
       {},
       false},
      {[] {}, [](const std::string&) {},
       [this](const kube_answer& answer) { on_page(answer); }});
}

void kube_reflector::on_page(const kube_answer& answer) {
  request_ = 0;
  if (!answer.is_ok()) {
    version_.clear();
    fail("list: " + answer.reason, answer.retry_after, answer.status);
    return;
  }
  const auto page = kube_page_from(answer.body);
  if (!page) {
    version_.clear();
    fail("list: " + to_string(page.error()), {});
    return;
  }
  for (const nlohmann::json& object : page->items) {
    put(object);
  }
  if (!page->next.empty() && listed_.size() < around_.timing.objects_max) {
    list(page->next);
    return;
  }
  finish_list(page->version);
}

void kube_reflector::put(const nlohmann::json& object) {
  std::string name = kube_name_of(object);
  if (name.empty()) {
    return;
  }
  if (listed_.size() >= around_.timing.objects_max) {
    if (!std::exchange(is_too_many_, true)) {
      around_.notice("kubernetes discovery: more than " +
                     std::to_string(around_.timing.objects_max) +
                     " objects of " + what_.name + "; the rest is ignored");
    }
    return;
  }
  listed_.insert(std::move(name));
  changed_ += sink_.put(object) ? 1 : 0;
}

void kube_reflector::finish_list(const std::string& version) {
  changed_ += sink_.keep(std::exchange(listed_, {}));
  if (std::exchange(is_repair_, false)) {
    repaired_ += changed_;
  }
  const auto now = std::chrono::steady_clock::now();
  version_ = version;
  is_synced_ = true;
  listed_at_ = now;
  relist_at_ = now + about(relist_);
  succeed();
  watch();
}

// -- Watching

void kube_reflector::watch() {
  phase_ = phase::watching;
  watch_began_ = std::chrono::steady_clock::now();
  heard_at_ = watch_began_;
  const auto lasts =
      std::chrono::ceil<std::chrono::seconds>(about(around_.timing.watch));
  request_ = around_.http.start(
      {"GET",
       query("watch=true&allowWatchBookmarks=true&timeoutSeconds=" +
             std::to_string(lasts.count()) + "&resourceVersion=" + version_),
       {},
       {},
       true},
      {[this] { succeed(); },
       [this](const std::string& line) { on_line(line); },
       [this](const kube_answer& answer) { on_watch_end(answer); }});
}

void kube_reflector::on_line(const std::string& line) {
  const auto event = kube_watch_event_from(line);
  if (!event) {
    relist_now(to_string(event.error()));
    return;
  }
  if (event->type == "ERROR") {
    on_error(*event);
    return;
  }
  heard_at_ = std::chrono::steady_clock::now();
  delay_.reset();
  if (event->type == "DELETED") {
    sink_.remove(kube_name_of(event->object));
  } else if (event->type != "BOOKMARK") {
    sink_.put(event->object);
  }
  if (std::string at = kube_version_of(event->object); !at.empty()) {
    version_ = std::move(at);
  }
}

void kube_reflector::on_error(const kube_watch_event& event) {
  const auto now = std::chrono::steady_clock::now();
  if (event.code == kube_status::gone &&
      now >= listed_at_ + around_.timing.watch_min) {
    // Usual after a restart of the server, whose memory begins there.
    relist_now({});
    return;
  }
  around_.http.cancel(std::exchange(request_, 0));
  version_.clear();
  fail("watch: " + event.message, {});
}

void kube_reflector::on_watch_end(const kube_answer& answer) {
  request_ = 0;
  const auto now = std::chrono::steady_clock::now();
  if (answer.status == kube_status::gone) {
    version_.clear();
  }
  if (!answer.is_ok()) {
    fail("watch: " + answer.reason, answer.retry_after, answer.status);
  } else if (now < watch_began_ + around_.timing.watch_min) {
    fail("watch: it ended at once", {});
  } else {
    watch();
  }
}

// -- What became of it

/// Begins again with a list, at once for the first time.
void kube_reflector::relist_now(const std::string& reason) {
  around_.http.cancel(std::exchange(request_, 0));
  version_.clear();
  if (!reason.empty()) {
    around_.notice("kubernetes discovery: " + what_.name +
                   " are listed again: " + reason);
  }
  list({});
}

/// A failure of another kind than the one that was told of is told of, too: a
/// server that was away and comes back may refuse us.
bool kube_reflector::is_untold() const {
  return !failure_.empty() &&
         (outage_.empty() || failure_status_ != told_status_);
}

void kube_reflector::fail(const std::string& reason,
                          std::chrono::milliseconds advice, int status) {
  const auto now = std::chrono::steady_clock::now();
  const bool is_another = !outage_.empty() && status != failure_status_;
  if (failure_.empty() || is_another) {
    failing_since_ = now;
  }
  failure_status_ = status;
  // One that is accepted and ends again and again is no success.
  if (phase_ == phase::watching &&
      now > watch_began_ + around_.timing.retry.max) {
    delay_.reset();
  }
  failure_ = reason;
  is_repair_ = false;
  phase_ = phase::waiting;
  retry_at_ = now + std::max(delay_.next(),
                             std::min(advice, around_.timing.advice_max));
}

void kube_reflector::succeed() {
  if (failure_.empty()) {
    return;
  }
  if (!outage_.empty()) {
    around_.notice("kubernetes discovery: " + what_.name +
                   " can be seen again");
  }
  failure_.clear();
  outage_.clear();
}

} // namespace dynamo
