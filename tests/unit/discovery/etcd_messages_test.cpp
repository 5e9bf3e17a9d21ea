#include "dynamo/base/bytes.hpp"
#include "dynamo/discovery/etcd_messages.hpp"

#include "support/catch.hpp"

namespace {

using namespace dynamo;

std::string message_of(std::string_view hex) {
  return std::string{text_of(*from_hex(hex))};
}

std::string hex(const std::string& message) {
  return to_hex(bytes_of(message));
}

/// Every field that a server may send and we do not use, with unlikely numbers
/// and kinds.
constexpr std::string_view unknown = "9206027878 980601 9d0601020304";

} // namespace

TEST_CASE("requests to etcd have the bytes of its API") {
  CHECK(range_end_of("v1/") == "v10");
  CHECK(hex(encode(etcd_range_request{"v1/", "v10", 2, 7, true})) ==
        "0a0376312f1203763130180220074001");
  CHECK(hex(encode(etcd_watch_request{"v1/", "v10", 7})) ==
        "0a0e0a0376312f120376313018072001");
  CHECK(hex(encode_lease_grant(30, 0)) == "081e");
  CHECK(hex(encode_lease_grant(30, 5)) == "081e1005");
  CHECK(hex(encode_lease_id(300)) == "08ac02");
  CHECK(hex(encode_authenticate("me", "pw")) == "0a026d6512027077");
}

TEST_CASE("a transaction creates a key under a lease, or says what is there") {
  etcd_txn_request request;
  request.conditions.push_back(
      {.is = etcd_condition::kind::absent, .key = "k"});
  request.success.push_back({etcd_operation::kind::put, "k", "v", 5, false});
  request.failure.push_back({.is = etcd_operation::kind::range, .key = "k"});
  CHECK(hex(encode(request)) == "0a051a016b2000"
                                "120a12080a016b1201761805"
                                "1a050a030a016b");
}

TEST_CASE("a transaction replaces or removes what is as expected") {
  etcd_txn_request replace;
  replace.conditions.push_back(
      {.is = etcd_condition::kind::unchanged, .key = "k", .mod_revision = 9});
  CHECK(hex(encode(replace)) == "0a0710021a016b3009");
  etcd_txn_request remove;
  remove.conditions.push_back(
      {.is = etcd_condition::kind::has_lease, .key = "k", .lease = 5});
  remove.success.push_back({.is = etcd_operation::kind::remove, .key = "k"});
  remove.success.push_back(
      {.is = etcd_operation::kind::range, .key = "k", .keys_only = true});
  CHECK(hex(encode(remove)) == "0a0710041a016b4005"
                               "12051a030a016b"
                               "12070a050a016b4001");
}

TEST_CASE("a listing is read, as a server of version 3.4 sends it") {
  const auto empty = decode_range(
      message_of("0a1908f1c4f5f4e3f4a3fcf60110bab7cde9f1c9d8e50c18012003"));
  REQUIRE(empty);
  CHECK(empty->revision == 1);
  CHECK(empty->values.empty());

  const auto page = decode_range(message_of("0a021809"
                                            "120e0a016b1003180420012a01763007"
                                            "12070a016c18052a00"
                                            "18012002"));
  REQUIRE(page);
  CHECK(page->revision == 9);
  CHECK(page->more);
  CHECK(page->values ==
        std::vector<etcd_key_value>{{"k", "v", 4, 7}, {"l", "", 5, 0}});
}

TEST_CASE("the outcome of a transaction is read") {
  const auto done = decode_txn(message_of("0a021809 1001 1a04 1202 0a00"));
  REQUIRE(done);
  CHECK(done->revision == 9);
  CHECK(done->succeeded);
  CHECK(done->found.empty());
  const auto refused = decode_txn(
      message_of("0a021809 1a0b 0a09 1207 0a016b 1804 3007 1a02 0a00"));
  REQUIRE(refused);
  CHECK_FALSE(refused->succeeded);
  CHECK(refused->found == std::vector<etcd_key_value>{{"k", "", 4, 7}});
}

TEST_CASE("leases and tokens are read") {
  const auto kept = decode_lease(message_of("0a021809 10ac02 181e"));
  REQUIRE(kept);
  CHECK(kept->id == 300);
  CHECK(kept->ttl_seconds == 30);
  // A lease that is gone has no time; a server may also say -1.
  CHECK(decode_lease(message_of("10ac02"))->ttl_seconds == 0);
  CHECK(decode_lease(message_of("18ffffffffffffffffff01"))->ttl_seconds == -1);
  CHECK(*decode_authenticate(message_of("0a021809 1203 612e62")) == "a.b");
}

TEST_CASE("what a watch says is read") {
  const auto created = decode_watch(message_of("0a021809 1801"));
  REQUIRE(created);
  CHECK(created->created);
  CHECK(created->revision == 9);
  CHECK(created->events.empty());

  const auto changes =
      decode_watch(message_of("0a021809"
                              "5a09 0801 1205 0a016b 1809"
                              "5a0c 120a 0a016c 1809 2a0176 3007"));
  REQUIRE(changes);
  REQUIRE(changes->events.size() == 2);
  CHECK(changes->events[0].is_delete);
  CHECK(changes->events[0].value == etcd_key_value{"k", "", 9, 0});
  CHECK_FALSE(changes->events[1].is_delete);
  CHECK(changes->events[1].value == etcd_key_value{"l", "v", 9, 7});

  const auto canceled = decode_watch(message_of("2001 2805 32026e6f"));
  REQUIRE(canceled);
  CHECK(canceled->canceled);
  CHECK(canceled->compact_revision == 5);
  CHECK(canceled->cancel_reason == "no");
}

TEST_CASE("fields that a later version adds are skipped") {
  const std::string more = message_of(unknown);
  CHECK(decode_lease(more + message_of("10ac02") + more)->id == 300);
  CHECK(decode_watch(more + message_of("2001"))->canceled);
  CHECK(decode_range(more)->values.empty());
  CHECK(decode_txn(more)->found.empty());
  CHECK(decode_authenticate(more)->empty());
}

TEST_CASE("messages that end early or lie about a length are refused") {
  // One field, so that every piece of it is too short.
  const std::string listing = message_of("120e0a016b1003180420012a01763007");
  const std::string watched = message_of("5a0c120a0a016c18092a01763007");
  const std::string found = message_of("1a0b0a0912070a016b18043007");
  for (std::size_t size = 1; size < listing.size(); ++size) {
    CHECK_FALSE(decode_range(std::string_view{listing}.substr(0, size)));
  }
  for (std::size_t size = 1; size < watched.size(); ++size) {
    CHECK_FALSE(decode_watch(std::string_view{watched}.substr(0, size)));
  }
  for (std::size_t size = 1; size < found.size(); ++size) {
    CHECK_FALSE(decode_txn(std::string_view{found}.substr(0, size)));
  }
  // The inner message claims one byte more than the outer one has.
  CHECK_FALSE(decode_range(message_of("12070a026b18042a00").substr(0, 9)));
  CHECK_FALSE(decode_watch(message_of("5a04 1203 0a02 6b")));
  CHECK_FALSE(decode_lease(message_of("10ffffffffffffffffffff01")));
}
