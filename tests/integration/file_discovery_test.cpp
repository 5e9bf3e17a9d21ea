#include "file_fixture.hpp"

namespace {

using namespace dynamo;
using namespace dynamo::test;

struct store_test {
  temporary_root root;

  std::unique_ptr<discovery>
  join(file_publishing publishing = file_publishing::link,
       notice_sink notice = {}) {
    file_discovery_request request;
    request.options.root = root.path().string();
    request.options.record_bytes_max = 4096;
    request.instance_id = random_publisher_id();
    request.notice = std::move(notice);
    request.timing = quick();
    request.publishing = publishing;
    auto made = make_file_discovery(std::move(request));
    REQUIRE(made);
    return *std::move(made);
  }
};

std::size_t files_in(const fs::path& directory) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator{directory}, {}));
}

} // namespace

TEST_CASE("a watcher hears what is there, that it was all, then changes") {
  store_test t;
  const auto worker = t.join();
  const auto router = t.join();
  REQUIRE(worker->advertise(served(1)));
  believer b;
  b.watch(*router);
  REQUIRE(eventually([&] { return b.synced(); }));
  CHECK(b.history() == std::vector<std::string>{"put n/c/e/1", "synced"});

  REQUIRE(worker->advertise(served(2)));
  CHECK(eventually([&] { return b.knows(served(2)); }));
  REQUIRE(worker->withdraw(served(1)));
  CHECK(eventually([&] { return !b.knows(served(1)); }));
  CHECK(b.knows(served(2)));
  const auto again = worker->withdraw(served(1));
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::not_found);
}

TEST_CASE("a stored file has Dynamo's name and bytes, and nothing beside it") {
  store_test t;
  const auto publishing =
      GENERATE(file_publishing::link, file_publishing::rename);
  const auto worker = t.join(publishing);
  const event_channel channel{scope::of_component("my.ns", "r\xc3\xb6uter"),
                              "a/b", json_safe_id_max,
                              zmq_address{"tcp://10.0.0.5:1"}};
  REQUIRE(worker->advertise(channel));
  const auto directory = t.root.path() / "v1/event_channels";
  CHECK(files_in(directory) == 1);
  CHECK(content(directory /
                "namespace%2Fmy%252Ens%2Fcomponent%2Fr%25C3%25B6uter%2Ftopic"
                "%2Fa%252Fb%2F1fffffffffffff") == to_json(channel));
}

TEST_CASE("a key that another process owns is refused") {
  store_test t;
  const auto publishing =
      GENERATE(file_publishing::link, file_publishing::rename);
  const auto first = t.join(publishing);
  const auto second = t.join(publishing);
  REQUIRE(first->advertise(served(1, "h:1")));
  const auto refused = second->advertise(served(1, "h:2"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::exists);
  CHECK(content(t.root.file(served(1))) == to_json(served(1, "h:1")));
}

TEST_CASE("a key that a dead process left is taken over") {
  store_test t;
  put_foreign(t.root, served(1, "h:1"));
  make_old(t.root.file(served(1)), 5s);
  const auto worker = t.join();
  REQUIRE(worker->advertise(served(1, "h:2")));
  CHECK(content(t.root.file(served(1))) == to_json(served(1, "h:2")));
}

TEST_CASE("a record put by link or by rename is seen, and its end too") {
  store_test t;
  const auto router = t.join();
  believer b;
  b.watch(*router);
  put_foreign(t.root, served(1));
  CHECK(eventually([&] { return b.knows(served(1)); }));
  write(t.root.file(".tmp_00000000000000ff"), to_json(served(1, "h:2")));
  fs::rename(t.root.file(".tmp_00000000000000ff"), t.root.file(served(1)));
  CHECK(eventually([&] { return b.knows(served(1, "h:2")); }));
  fs::remove(t.root.file(served(1)));
  CHECK(eventually([&] { return b.size() == 0; }));
}

TEST_CASE("touching keeps a record alive and tells nobody") {
  store_test t;
  const auto worker = t.join();
  const auto router = t.join();
  believer b;
  b.watch(*router);
  REQUIRE(worker->advertise(served(1)));
  const auto path = t.root.file(served(1));
  const auto put_at = fs::last_write_time(path);
  REQUIRE(eventually([&] {
    return fs::last_write_time(path) > put_at + 2 * quick().lifetime;
  }));
  CHECK(b.history() == std::vector<std::string>{"synced", "put n/c/e/1"});
  CHECK(worker->counts().republished == 0);
}

TEST_CASE("an expired record of a dead process is removed and reported") {
  store_test t;
  const auto router = t.join();
  believer b;
  b.watch(*router);
  put_foreign(t.root, served(1));
  write(t.root.file(".tmp_0000000000000001"), "left over");
  REQUIRE(eventually([&] { return b.knows(served(1)); }));
  CHECK(eventually([&] { return b.size() == 0; }));
  CHECK(eventually([&] { return files_in(t.root.directory()) == 0; }));
  CHECK(eventually([&] { return router->counts().reaped == 2; }));
}

TEST_CASE("a record that had expired before is neither listed nor told") {
  store_test t;
  put_foreign(t.root, served(1));
  make_old(t.root.file(served(1)), 5s);
  const auto router = t.join();
  const auto listed = router->list(instances);
  REQUIRE(listed);
  CHECK(listed->empty());
  believer b;
  b.watch(*router);
  REQUIRE(eventually([&] { return b.synced(); }));
  CHECK(b.history() == std::vector<std::string>{"synced"});
}

TEST_CASE("an own file that was removed is put again") {
  store_test t;
  const auto worker = t.join();
  REQUIRE(worker->advertise(served(1)));
  fs::remove(t.root.file(served(1)));
  CHECK(eventually([&] { return fs::exists(t.root.file(served(1))); }));
  CHECK(eventually([&] { return worker->counts().republished == 1; }));
}

TEST_CASE("an own file that was spoiled is put again, and peers keep it") {
  store_test t;
  const auto worker = t.join();
  const auto router = t.join();
  believer b;
  b.watch(*router);
  REQUIRE(worker->advertise(served(1)));
  REQUIRE(eventually([&] { return b.knows(served(1)); }));
  write(t.root.file(served(1)), "garbage");
  CHECK(eventually(
      [&] { return content(t.root.file(served(1))) == to_json(served(1)); }));
  CHECK(b.knows(served(1)));
  CHECK(b.deletions() == 0);
}

TEST_CASE("records stay known while their directory is gone") {
  store_test t;
  const auto worker = t.join();
  const auto router = t.join();
  REQUIRE(worker->advertise(served(1)));
  put_foreign(t.root, served(2));
  believer b;
  b.watch(*router);
  REQUIRE(eventually([&] { return b.size() == 2; }));

  const auto removed_at = std::chrono::steady_clock::now();
  fs::remove_all(t.root.path());
  REQUIRE(eventually([&] { return b.was_stale(); }));
  fs::create_directories(t.root.directory());
  REQUIRE(eventually([&] { return fs::exists(t.root.file(served(1))); }));
  // The one that nobody puts again goes, but not before its time.
  REQUIRE(eventually([&] { return b.size() == 1; }));
  CHECK(std::chrono::steady_clock::now() - removed_at >= quick().lifetime);
  CHECK(b.knows(served(1)));
  CHECK(b.deletions() == 1);
  CHECK(eventually([&] { return b.synced(); }));
}

TEST_CASE("a store that nobody makes again is made again by its users") {
  store_test t;
  const auto worker = t.join();
  const auto router = t.join();
  believer b;
  b.watch(*router);
  REQUIRE(worker->advertise(served(1)));
  REQUIRE(eventually([&] { return b.knows(served(1)); }));
  const fs::path away = t.root.path().string() + "_away";
  fs::rename(t.root.path(), away);
  REQUIRE(eventually([&] { return b.was_stale(); }));
  CHECK(eventually([&] { return fs::exists(t.root.file(served(1))); }));
  CHECK(eventually([&] { return b.synced(); }));
  CHECK(b.knows(served(1)));
  CHECK(b.deletions() == 0);
  REQUIRE(worker->advertise(served(2)));
  CHECK(eventually([&] { return b.knows(served(2)); }));
  fs::remove_all(away);
}

TEST_CASE("bad files are skipped one by one, counted and named once") {
  store_test t;
  const auto worker = t.join();
  REQUIRE(worker->advertise(served(1)));
  put_foreign(t.root, served(0xaa));
  fs::rename(t.root.file(served(0xaa)), t.root.file("n%2Fc%2Fe%2Fab"));
  write(t.root.file("n%2Fc%2Fe%2F2"), "garbage \xff");
  write(t.root.file("n%2Fc%2Fe%2F3"), std::string(5000, ' '));
  write(t.root.file("n%2fc%2fe%2f4"), to_json(served(4)));
  write(t.root.file("empty"), "");
  fs::create_directory(t.root.file("n%2Fc%2Fe%2F5"));
  fs::create_symlink(t.root.file(served(1)), t.root.file("n%2Fc%2Fe%2F6"));
  REQUIRE(::mkfifo(t.root.file("n%2Fc%2Fe%2F7").c_str(), 0600) == 0);

  notice_log notices;
  const auto router = t.join(file_publishing::link, notices.sink());
  believer b;
  b.watch(*router);
  REQUIRE(eventually([&] { return router->counts().bad_records == 8; }));
  CHECK(b.size() == 1);
  CHECK(b.knows(served(1)));
  CHECK(notices.count("n%2Fc%2Fe%2Fab") == 1);
  CHECK(notices.count("n%2Fc%2Fe%2F3: too_large") == 1);
  CHECK(notices.count("n%2Fc%2Fe%2F6: unsupported") == 1);
  const auto listed = router->list(instances);
  REQUIRE(listed);
  REQUIRE(listed->size() == 1);
  CHECK(listed->front().value == served(1));
  CHECK(router->counts().bad_records == 8);
}

TEST_CASE("a file that is written in place is read when it is complete") {
  store_test t;
  const auto router = t.join();
  believer b;
  b.watch(*router);
  const std::string text = to_json(served(1));
  std::ofstream file{t.root.file(served(1)), std::ios::binary};
  file << text.substr(0, 10) << std::flush;
  file << text.substr(10) << std::flush;
  CHECK(eventually([&] { return b.knows(served(1)); }));
  CHECK(router->counts().bad_records == 0);
}

TEST_CASE("what an inbox dropped is delivered later") {
  store_test t;
  const auto worker = t.join();
  const auto router = t.join();
  for (std::uint64_t id = 1; id <= 20; ++id) {
    REQUIRE(worker->advertise(served(id)));
  }
  believer b{3};
  b.watch(*router);
  CHECK(eventually([&] { return b.size() == 20 && b.synced(); }));
  for (std::uint64_t id = 1; id <= 20; ++id) {
    REQUIRE(worker->withdraw(served(id)));
  }
  CHECK(eventually([&] { return b.size() == 0; }));
  CHECK(b.inbox()->counts().dropped > 0);
}

TEST_CASE("a process that ends takes its records along") {
  store_test t;
  auto worker = t.join();
  const auto router = t.join();
  believer b;
  b.watch(*router);
  REQUIRE(worker->advertise(served(1)));
  REQUIRE(eventually([&] { return b.knows(served(1)); }));
  worker.reset();
  CHECK_FALSE(fs::exists(t.root.file(served(1))));
  CHECK(eventually([&] { return b.size() == 0; }));
  CHECK(router->counts().reaped == 0);
}

TEST_CASE("a root that cannot be made is refused with its name") {
  store_test t;
  write(t.root.path() / "file", "");
  file_discovery_options options;
  options.root = (t.root.path() / "file" / "below").string();
  const auto refused = make_file_discovery(options, 1, {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::invalid);
  CHECK_THAT(refused.error().message, Catch::Contains("file/below"));
}

TEST_CASE("a name that is too long for a file is refused") {
  store_test t;
  const auto worker = t.join();
  const auto refused =
      worker->advertise(event_channel{scope::of_namespace(std::string(60, '.')),
                                      "t", 1, zmq_address{"tcp://h:1"}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::too_large);
}
