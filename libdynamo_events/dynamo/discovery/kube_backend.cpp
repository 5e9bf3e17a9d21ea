#include "dynamo/discovery/kube_backend.hpp"

#include "dynamo/base/ids.hpp"

#include <algorithm>
#include <utility>

namespace dynamo {

namespace {

/// Slices and pods that take part in discovery; Dynamo asks for this one too.
constexpr const char* enabled_label =
    "nvidia.com%2Fdynamo-discovery-enabled%3Dtrue";

kube_collection objects_of(const std::string& ns) {
  return {"dynamoworkermetadatas.nvidia.com",
          "/apis/nvidia.com/v1alpha1/namespaces/" + ns +
              "/dynamoworkermetadatas",
          {}};
}

/// What says who is ready: slices for whole pods, pods for their containers.
kube_collection ready_of(const std::string& ns, kube_mode mode) {
  return mode == kube_mode::pod
             ? kube_collection{"endpointslices.discovery.k8s.io",
                               "/apis/discovery.k8s.io/v1/namespaces/" + ns +
                                   "/endpointslices",
                               enabled_label}
             : kube_collection{"pods", "/api/v1/namespaces/" + ns + "/pods",
                               enabled_label};
}

error no_identity() {
  return {errc::invalid,
          "kubernetes discovery: this process has no pod to put records for: "
          "expected POD_NAME and POD_UID (downward API)"};
}

} // namespace

kube_backend::kube_backend(kube_backend_plan plan)
    : timing_(plan.timing)
    , notice_(plan.notice ? std::move(plan.notice)
                          : notice_sink{[](const std::string&) {}})
    , instance_id_(plan.who ? kube_instance_id(plan.who->object_name)
                            : random_publisher_id())
    , own_object_(plan.who ? plan.who->object_name : std::string{})
    , http_(std::move(plan.access), timing_.token_reread, plan.limits)
    , view_(notice_)
    , objects_({http_, timing_, notice_}, objects_of(plan.ns), plan.relist,
               objects_sink())
    , ready_({http_, timing_, notice_}, ready_of(plan.ns, plan.mode),
             plan.relist, ready_sink(plan.mode, plan.main_container)) {
  if (plan.who) {
    keeper_.emplace(kube_keeper::parts{http_, timing_, notice_},
                    kube_keeper::plan{*plan.who, objects_of(plan.ns).path,
                                      plan.field_manager});
  }
}

kube_collection_sink kube_backend::objects_sink() {
  return {[this](const nlohmann::json& object) {
            const kube_object found = kube_object_from(object);
            if (keeper_ && found.name == own_object_) {
              keeper_->seen(found);
            }
            return view_.put_object(found);
          },
          [this](const std::string& name) {
            if (keeper_ && name == own_object_) {
              keeper_->missed();
            }
            return view_.remove_object(name);
          },
          [this](const std::set<std::string>& names) {
            if (keeper_ && !names.contains(own_object_)) {
              keeper_->missed();
            }
            return view_.keep_objects(names);
          }};
}

kube_collection_sink kube_backend::ready_sink(kube_mode mode,
                                              std::string main_container) {
  return {[this, mode, main_container = std::move(main_container)](
              const nlohmann::json& object) {
            return view_.put_ready(kube_name_of(object),
                                   mode == kube_mode::pod
                                       ? ready_in_slice(object)
                                       : ready_in_pod(object, main_container));
          },
          [this](const std::string& name) { return view_.remove_ready(name); },
          [this](const std::set<std::string>& names) {
            return view_.keep_ready(names);
          }};
}

void kube_backend::advertise(const record& value, clock_time now,
                             outcome_sink done) {
  keeper_ ? keeper_->advertise(value, now, std::move(done))
          : done(no_identity());
}

void kube_backend::withdraw(const record& value, clock_time now,
                            outcome_sink done) {
  keeper_ ? keeper_->withdraw(value, now, std::move(done))
          : done(no_identity());
}

void kube_backend::list(bucket where, clock_time now, list_sink done) {
  lists_.push_back({where, now + timing_.answer, std::move(done)});
  serve_lists(now);
}

/// Lists are answered from what is watched.
void kube_backend::serve_lists(clock_time now) {
  const std::string reason = outage();
  const bool is_known = is_synced() && reason.empty();
  std::vector<waiting_list> left;
  for (waiting_list& each : std::exchange(lists_, {})) {
    if (is_known) {
      each.done(records_of(each.where));
    } else if (!reason.empty() || now >= each.deadline) {
      each.done(
          error{errc::unavailable, "kubernetes discovery: " +
                                       (reason.empty() ? failures() : reason)});
    } else {
      left.push_back(std::move(each));
    }
  }
  lists_.insert(lists_.end(), std::make_move_iterator(left.begin()),
                std::make_move_iterator(left.end()));
}

std::vector<found_record> kube_backend::records_of(bucket where) const {
  std::vector<found_record> found;
  for (const auto& [key, entry] : view_.picture(where).records()) {
    found.push_back({where, key, entry.value, {}});
  }
  return found;
}

discovery_counts kube_backend::counts() const {
  discovery_counts counts;
  counts.owned = keeper_ ? keeper_->owned() : 0;
  counts.republished = keeper_ ? keeper_->republished() : 0;
  counts.bad_records = view_.bad_records();
  counts.repaired = objects_.repaired() + ready_.repaired();
  return counts;
}

std::string kube_backend::outage() const {
  return objects_.outage().empty() ? ready_.outage() : objects_.outage();
}

std::string kube_backend::failures() const {
  std::string all;
  for (const kube_reflector* each : {&objects_, &ready_}) {
    if (const std::string& one = each->failure(); !one.empty()) {
      all += (all.empty() ? "" : "; ") + one;
    }
  }
  return http_.server() + ": " + (all.empty() ? "no answer yet" : all);
}

void kube_backend::close(int wake_fd, clock_time deadline) {
  for (waiting_list& each : std::exchange(lists_, {})) {
    each.done(error{errc::closed, "discovery is closed"});
  }
  if (!keeper_) {
    return;
  }
  keeper_->close();
  while (!keeper_->is_idle()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return;
    }
    http_.run(wake_fd, left);
  }
}

void kube_backend::turn(clock_time now) {
  objects_.turn(now);
  ready_.turn(now);
  if (keeper_) {
    keeper_->turn(now);
  }
  if (const std::string reason = outage(); !reason.empty()) {
    view_.become_stale(reason);
  } else if (is_synced()) {
    view_.become_complete();
  }
  serve_lists(now);
  tell();
}

kube_backend::clock_time kube_backend::due() const {
  clock_time next = std::min(objects_.due(), ready_.due());
  if (keeper_) {
    next = std::min(next, keeper_->due());
  }
  for (const waiting_list& each : lists_) {
    next = std::min(next, each.deadline);
  }
  return next;
}

void kube_backend::tell() {
  for (change_feed& feed : feeds_) {
    if (feed.tell(view_.picture(feed.where())) && feed.wake()) {
      feed.wake()();
    }
  }
}

} // namespace dynamo
