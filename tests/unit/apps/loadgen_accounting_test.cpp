#include "apps/loadgen/accounting.hpp"
#include "apps/loadgen/cluster_json.hpp"

#include <string>

#include "support/catch.hpp"

using Catch::Matchers::Contains;
using namespace dynamo::apps;
using dynamo::errc;

namespace {

published_stream published(std::uint64_t id, std::uint64_t sequence) {
  return {"ns/c/e", "kv-events", id, 9, sequence, 0};
}

received_stream received(std::uint64_t id, std::uint64_t count,
                         std::uint64_t missed = 0) {
  return {"ns/c", "kv-events", id, true, count, missed, 0, count + missed};
}

router_streams view(std::vector<received_stream> streams) {
  return {{{"ns/c", "kv-events"}}, std::move(streams)};
}

stream_account only(const stream_ledger& ledger) {
  const auto all = ledger.accounts();
  REQUIRE(all.size() == 1);
  return all.front();
}

} // namespace

TEST_CASE("stream_ledger accounts for a stream that arrived completely") {
  stream_ledger ledger;
  ledger.note({published(5, 10)});
  ledger.note(view({received(5, 10)}));
  const stream_account account = only(ledger);
  CHECK(account.publisher_id == 5);
  CHECK(account.topic == "kv-events");
  CHECK(account.worker_id == 9);
  CHECK(account.published == 10);
  CHECK(account.received == 10);
  CHECK(account.lost == 0);
  CHECK(account.unaccounted() == 0);
  CHECK_FALSE(account.has_left);
}

TEST_CASE("stream_ledger tells dropped events from lost ones") {
  published_stream sent = published(5, 10);
  sent.dropped = 2;
  received_stream seen = received(5, 5, 5);
  seen.dropped_here = 1;
  stream_ledger ledger;
  ledger.note({sent});
  ledger.note(view({seen}));
  const stream_account account = only(ledger);
  CHECK(account.dropped == 3);
  CHECK(account.lost == 2);
  CHECK(account.unaccounted() == 0);
}

TEST_CASE("stream_ledger counts what is still under way as unaccounted") {
  stream_ledger ledger;
  ledger.note({published(5, 10), published(6, 3)});
  ledger.note(view({received(5, 8)}));
  CHECK(unaccounted_events(ledger.accounts()) == 2 + 3);
}

TEST_CASE("stream_ledger believes the router about later numbers") {
  received_stream seen = received(5, 12);
  seen.discovered = false;
  stream_ledger ledger;
  ledger.note({published(5, 10)});
  ledger.note(view({seen}));
  CHECK(only(ledger).published == 12);
  CHECK(only(ledger).has_left);
  CHECK(only(ledger).unaccounted() == 0);
}

TEST_CASE("stream_ledger counts the last events of a publisher that left as "
          "lost with it") {
  received_stream seen = received(5, 7);
  seen.discovered = false;
  stream_ledger ledger;
  ledger.note({published(5, 10)});
  ledger.note({published(6, 1)});
  ledger.note(view({seen, received(6, 1)}));
  CHECK(unaccounted_events(ledger.accounts()) == 0);
  CHECK(ledger.accounts().front().lost == 3);
  CHECK(ledger.accounts().front().lost_at_end == 3);
}

TEST_CASE("stream_ledger leaves out what the router does not subscribe to") {
  published_stream topic = published(5, 10);
  topic.topic = "fpm";
  published_stream scope = published(6, 10);
  scope.scope = "ns/cc/e";
  stream_ledger ledger;
  ledger.note({topic, scope});
  ledger.note(view({}));
  CHECK(ledger.accounts().empty());
}

TEST_CASE("members_from_json lists the ranks that take requests") {
  const auto members = members_from_json(R"({"workers":[
    {"worker_id":2,"endpoint":"http://h:2","discovered":true,
     "state":"in_sync","blocks":0,"ranks":[{"dp_rank":1},{"dp_rank":0},
                                {"dp_rank":2,"discovered":false}]},
    {"worker_id":1,"endpoint":"http://h:1","discovered":true,
     "state":"waiting","blocks":0,"ranks":[]},
    {"worker_id":3,"endpoint":"http://h:3","discovered":true,
     "state":"stale","blocks":0,"ranks":[]},
    {"worker_id":4,"endpoint":"http://h:4","discovered":false,
     "state":"in_sync","blocks":0,"ranks":[{"dp_rank":0}]},
    {"worker_id":5,"endpoint":null,"discovered":true,
     "state":"in_sync","blocks":0,"ranks":[{"dp_rank":0}]}]})");
  REQUIRE(members);
  CHECK(members->ranks == std::vector<worker_rank>{{1, {}, "http://h:1"},
                                                   {2, 0, "http://h:2"},
                                                   {2, 1, "http://h:2"}});
  CHECK(members->endpoints.size() == 4);
}

TEST_CASE("received_from_json reads subscriptions with their streams") {
  const auto read = received_from_json(R"({"subscriptions":[
    {"scope":"ns/c","topic":"kv-events","streams":[
      {"publisher_id":18446744073709551615,"discovered":true,"received":4,
       "missed":3,"dropped_here":2,"next_sequence":7}]},
    {"scope":"ns/c","topic":"kv_metrics","streams":[]}]})");
  REQUIRE(read);
  CHECK(read->subscriptions.size() == 2);
  REQUIRE(read->streams.size() == 1);
  CHECK(read->streams[0].publisher_id == 18446744073709551615ULL);
  CHECK(read->streams[0].missed == 3);
  CHECK(read->streams[0].next_sequence == 7);
}

TEST_CASE("published_from_json adds up what never went on the wire") {
  const auto read = published_from_json(R"({"worker_id":9,"publishers":[
    {"scope":"s","topic":"t","publisher_id":1,"sequence":8,"dropped":1,
     "unheard":2,"refused":4}]})");
  REQUIRE(read);
  REQUIRE(read->size() == 1);
  CHECK(read->front().dropped == 7);
  CHECK(read->front().worker_id == 9);
}

TEST_CASE("published_from_json names the member that is wrong") {
  const auto read = published_from_json(
      R"({"worker_id":9,"publishers":[{"scope":"s","topic":"t"}]})");
  REQUIRE_FALSE(read);
  CHECK_THAT(read.error().message, Contains("publishers: publisher_id"));
}

TEST_CASE("generate_line_from_json tells the first token from the end") {
  const std::string rest =
      R"("worker_id":1,"dp_rank":2,"input_blocks":3,"cached_blocks":1,)"
      R"("time_to_first_token_ms":1.5})";
  const auto first =
      generate_line_from_json(R"({"event":"first_token",)" + rest);
  const auto done = generate_line_from_json(R"({"event":"done",)" + rest);
  REQUIRE(first);
  REQUIRE(done);
  CHECK(first->kind == line_kind::first_token);
  CHECK(done->kind == line_kind::done);
  CHECK(done->dp_rank == 2);
  CHECK(done->time_to_first_token_ms == 1.5);
}
