#include "dynamo/discovery/kube_view.hpp"

#include "changes.hpp"
#include "support/catch.hpp"

namespace {

using namespace dynamo;
using namespace dynamo::test;

struct kube_view_test {
  std::vector<std::string> notices;
  notice_sink sink = [this](const std::string& text) {
    notices.push_back(text);
  };
  kube_view view{sink};
  std::uint64_t version = 0;

  kube_object object(const std::string& name, std::vector<std::uint64_t> ids,
                     const std::string& pod_uid = "pod-uid") {
    kube_object made{
        name, "uid-of-" + name, std::to_string(++version), {pod_uid}, true, {}};
    for (const std::uint64_t id : ids) {
      made.records[bucket::instances].emplace(key_of(served(id)),
                                              to_json(served(id)));
    }
    return made;
  }
  std::set<std::uint64_t> known() const {
    std::set<std::uint64_t> found;
    for (const auto& [key, entry] : view.picture(bucket::instances).records()) {
      found.insert(id_of(entry.value));
    }
    return found;
  }
};

using ids = std::set<std::uint64_t>;

} // namespace

TEST_CASE("a record is seen while its object is there and its pod ready") {
  kube_view_test t;
  CHECK(t.view.put_object(t.object("w", {1, 2})));
  CHECK(t.known().empty());
  CHECK(t.view.put_ready("slice", {{"w", "pod-uid"}}));
  CHECK(t.known() == ids{1, 2});
  CHECK(t.view.put_ready("slice", {}));
  CHECK(t.known().empty());
  CHECK(t.view.put_ready("slice", {{"w", "pod-uid"}}));
  CHECK(t.known() == ids{1, 2});
  CHECK(t.view.remove_object("w"));
  CHECK_FALSE(t.view.remove_object("w"));
  CHECK(t.known().empty());
  // Ready before the object: the order does not matter.
  t.view.put_object(t.object("w", {3}));
  CHECK(t.known() == ids{3});
}

TEST_CASE("an object of another pod of that name is not seen") {
  kube_view_test t;
  t.view.put_ready("slice", {{"w", "new-pod"}});
  t.view.put_object(t.object("w", {1}, "old-pod"));
  CHECK(t.known().empty());
  t.view.put_object(t.object("w", {1}, "new-pod"));
  CHECK(t.known() == ids{1});
}

TEST_CASE("a pod in several slices is ready while one says so") {
  kube_view_test t;
  t.view.put_object(t.object("w", {1}));
  t.view.put_ready("a", {{"w", "pod-uid"}});
  t.view.put_ready("b", {{"w", "pod-uid"}, {"v", "other"}});
  CHECK(t.view.remove_ready("a"));
  CHECK(t.known() == ids{1});
  CHECK(t.view.keep_ready({}) == 1);
  CHECK(t.known().empty());
}

TEST_CASE("an object without data keeps what it had") {
  kube_view_test t;
  t.view.put_ready("slice", {{"w", "pod-uid"}});
  t.view.put_object(t.object("w", {1}));
  kube_object empty = t.object("w", {});
  empty.has_data = false;
  t.view.put_object(empty);
  CHECK(t.known() == ids{1});
  // Another object of that name has nothing to keep.
  empty.uid = "another";
  empty.version = "99";
  t.view.put_object(empty);
  CHECK(t.known().empty());
  t.view.put_object(t.object("w", {}));
  CHECK(t.known().empty());
}

TEST_CASE("one bad record costs that record, and not what it was") {
  kube_view_test t;
  t.view.put_ready("slice", {{"w", "pod-uid"}});
  t.view.put_object(t.object("w", {1, 2}));
  kube_object spoiled = t.object("w", {1, 2, 3});
  auto& values = spoiled.records[bucket::instances];
  values[key_of(served(2))] = R"({"type":"Unknown"})";
  values["else"] = "7";
  spoiled.records[bucket::models].emplace("k", to_json(served(9)));
  t.view.put_object(spoiled);
  CHECK(t.known() == ids{1, 2, 3});
  CHECK(t.view.bad_records() == 3);
  CHECK(t.notices.size() == 3);
  CHECK(t.view.picture(bucket::models).records().empty());
  // The same again is not told again.
  spoiled.version = "100";
  t.view.put_object(spoiled);
  CHECK(t.view.bad_records() == 3);
}

TEST_CASE("two objects with one record show it once, until both are gone") {
  kube_view_test t;
  t.view.put_ready("slice", {{"a", "pod-uid"}, {"b", "pod-uid"}});
  t.view.put_object(t.object("a", {1}));
  t.view.put_object(t.object("b", {1}));
  CHECK(t.known() == ids{1});
  CHECK(t.view.keep_objects({"b"}) == 1);
  CHECK(t.known() == ids{1});
  CHECK(t.view.keep_objects({}) == 1);
  CHECK(t.known().empty());
}

TEST_CASE("the same version of an object is nothing new") {
  kube_view_test t;
  const kube_object object = t.object("w", {1});
  CHECK(t.view.put_object(object));
  CHECK_FALSE(t.view.put_object(object));
  CHECK_FALSE(t.view.put_ready("none", {}));
}
