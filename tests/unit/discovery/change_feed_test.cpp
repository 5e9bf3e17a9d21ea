#include "dynamo/discovery/change_feed.hpp"

#include "changes.hpp"
#include "support/catch.hpp"

namespace {

using namespace dynamo;
using dynamo::test::drain;
using dynamo::test::make_inbox;
using dynamo::test::served;
using texts = std::vector<std::string>;

} // namespace

TEST_CASE("a feed tells what is there, then that it was all") {
  bucket_picture picture;
  picture.put("a", served(1));
  picture.put("b", served(2));
  picture.become_complete();
  const auto inbox = make_inbox();
  change_feed feed{bucket::instances, inbox, {}};
  CHECK(feed.tell(picture));
  CHECK(drain(*inbox) == texts{"put a", "put b", "synced"});
  CHECK_FALSE(feed.tell(picture));
  CHECK(drain(*inbox).empty());
}

TEST_CASE("a feed tells what is gone before what is new") {
  bucket_picture picture;
  picture.put("b", served(1));
  picture.become_complete();
  const auto inbox = make_inbox();
  change_feed feed{bucket::instances, inbox, {}};
  feed.tell(picture);
  drain(*inbox);
  picture.put("a", served(2));
  picture.erase("b");
  feed.tell(picture);
  CHECK(drain(*inbox) == texts{"deleted b", "put a"});
}

TEST_CASE("a feed tells a changed value again, an equal one not") {
  bucket_picture picture;
  picture.put("a", served(1, "h:1"));
  picture.become_complete();
  const auto inbox = make_inbox();
  change_feed feed{bucket::instances, inbox, {}};
  feed.tell(picture);
  drain(*inbox);
  CHECK_FALSE(picture.put("a", served(1, "h:1")));
  feed.tell(picture);
  CHECK(drain(*inbox).empty());
  CHECK(picture.put("a", served(1, "h:2")));
  feed.tell(picture);
  CHECK(drain(*inbox) == texts{"put a"});
}

TEST_CASE("a feed tells again what its inbox has dropped") {
  bucket_picture picture;
  for (const char* key : {"a", "b", "c"}) {
    picture.put(key, served(1));
  }
  picture.become_complete();
  const auto inbox = make_inbox(2);
  change_feed feed{bucket::instances, inbox, {}};
  feed.tell(picture);
  CHECK(drain(*inbox) == texts{"put a", "put b"});
  feed.tell(picture);
  CHECK(drain(*inbox) == texts{"put c", "synced"});
  for (const char* key : {"a", "b", "c"}) {
    picture.erase(key);
  }
  feed.tell(picture);
  CHECK(drain(*inbox) == texts{"deleted a", "deleted b"});
  feed.tell(picture);
  CHECK(drain(*inbox) == texts{"deleted c"});
  feed.tell(picture);
  CHECK(drain(*inbox).empty());
}

TEST_CASE("a feed tells that the picture is stale, and when it is not") {
  bucket_picture picture;
  const auto inbox = make_inbox();
  change_feed feed{bucket::instances, inbox, {}};
  picture.become_stale("no directory");
  feed.tell(picture);
  CHECK(drain(*inbox) == texts{"stale no directory"});
  picture.become_complete();
  feed.tell(picture);
  CHECK(drain(*inbox) == texts{"synced"});
}
