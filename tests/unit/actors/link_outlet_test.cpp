#include "support/catch.hpp"
#include "unit/actors/outlet_fixture.hpp"

using namespace dynamo;
using namespace dynamo::actors;
using namespace dynamo::actors::test;

TEST_CASE("before a link is there, and after it has gone, others are told") {
  link_test t;
  CHECK(t.publish());
  t.open();
  t.outlet->serve(256);
  CHECK(t.link->batches.size() == 1);
  t.outlet->close();
  CHECK(t.publish());
  CHECK(t.link->batches.size() == 1);
  CHECK(t.link.use_count() == 1);
}

TEST_CASE("an event goes to the link by who publishes it") {
  link_test t;
  t.open();
  CHECK_FALSE(t.publish());
  REQUIRE(t.link->batches.size() == 1);
  CHECK(t.link->batches[0].publisher_id == 7);
  CHECK(t.link->batches[0].number == 1);
  CHECK(t.link->batches[0].epoch == 1);
  // Until somebody is known to listen, nothing goes behind it.
  CHECK_FALSE(t.publish());
  CHECK_FALSE(t.publish());
  CHECK(t.link->batches.size() == 1);
  CHECK_FALSE(t.outlet->is_done());
  t.confirm(1);
  REQUIRE(t.link->batches.size() == 2);
  CHECK(t.link->batches[1].messages->size() == 2);
  // Then more goes behind it.
  CHECK_FALSE(t.publish());
  CHECK_FALSE(t.publish());
  CHECK(t.link->batches.size() == 4);
  t.confirm(2);
  t.confirm(3);
  t.confirm(4);
  CHECK(t.link->sequences == std::vector<std::uint64_t>{0, 1, 2, 3, 4});
  CHECK(t.outlet->is_done());
  CHECK(t.outlet->look().answered.sent == 5);
  CHECK(t.outlet->look().sequence == 5);
}

TEST_CASE("two batches are on their way, or few messages") {
  link_test t;
  t.open();
  CHECK_FALSE(t.publish());
  t.confirm(1);
  const auto fill = [&](int count) {
    for (int i = 0; i < count; ++i) {
      t.buffer->push(event{raw_event{byte_buffer(10, 1)}}, 10);
    }
  };
  SECTION("64 single messages") {
    for (int i = 0; i < 70; ++i) {
      CHECK_FALSE(t.publish());
    }
    CHECK(t.link->batches.size() == 1 + 64);
    t.confirm(2);
    REQUIRE(t.link->batches.size() == 1 + 65);
    CHECK(t.link->batches.back().messages->size() == 6);
  }
  SECTION("two of many messages") {
    fill(300);
    t.outlet->serve(100);
    CHECK(t.link->batches.size() == 1 + 2);
    t.confirm(2);
    CHECK(t.link->batches.size() == 1 + 3);
  }
  SECTION("one until somebody listens again") {
    CHECK_FALSE(t.publish());
    CHECK(t.outlet->on_unheard(2) == unheard::held);
    t.outlet->offer_again();
    fill(100);
    t.outlet->serve(10);
    CHECK(t.link->batches.size() == 1 + 2);
    t.outlet->on_sent(2, {1, 0, 0});
    t.outlet->serve(10);
    CHECK(t.link->batches.size() > 1 + 3);
  }
}

TEST_CASE("while the way is closed events wait, and go when it opens") {
  link_test t;
  t.open();
  t.outlet->change_way({false, 1, std::nullopt});
  CHECK_FALSE(t.publish());
  CHECK_FALSE(t.publish());
  CHECK(t.link->batches.empty());
  t.outlet->change_way({true, 2, std::nullopt});
  t.outlet->serve(256);
  REQUIRE(t.link->batches.size() == 1);
  CHECK(t.link->batches[0].epoch == 2);
  CHECK(t.link->batches[0].messages->size() == 2);
}

TEST_CASE("what has no answer from a lost connection goes before the rest") {
  link_test t;
  t.open();
  CHECK_FALSE(t.publish());
  t.outlet->change_way({false, 1, std::nullopt});
  CHECK_FALSE(t.publish());
  t.outlet->change_way({true, 2, std::nullopt});
  // Who publishes does not overtake it.
  CHECK_FALSE(t.publish());
  CHECK(t.link->batches.size() == 1);
  t.outlet->serve(256);
  REQUIRE(t.link->batches.size() == 2);
  CHECK(t.link->batches[1].number == 1);
  CHECK(t.link->batches[1].epoch == 2);
  t.outlet->on_sent(1, {1, 0, 0});
  t.outlet->serve(256);
  CHECK(t.link->sequences == std::vector<std::uint64_t>{0, 0, 1, 2});
}

TEST_CASE("held events are not overtaken by who publishes") {
  link_test t;
  t.open();
  CHECK_FALSE(t.publish());
  CHECK(t.outlet->on_unheard(1) == unheard::held);
  CHECK(t.outlet->look().is_holding);
  CHECK_FALSE(t.publish());
  CHECK(t.link->batches.size() == 1);
  t.outlet->offer_again();
  t.outlet->serve(256);
  CHECK(t.link->batches.size() == 2);
  CHECK(t.outlet->on_unheard(1) == unheard::held);
  SECTION("they go when somebody listens") {
    t.outlet->offer_again();
    t.outlet->serve(256);
    t.outlet->on_sent(1, {1, 0, 0});
    t.outlet->serve(256);
    CHECK(t.link->sequences == std::vector<std::uint64_t>{0, 0, 0, 1});
    CHECK(t.outlet->look().answered.unheard == 0);
  }
  SECTION("they are offered once more at the end, and counted") {
    t.outlet->stop_holding();
    t.outlet->serve(256);
    CHECK(t.outlet->on_unheard(1) == unheard::lost);
    t.outlet->serve(256);
    CHECK(t.outlet->look().answered.unheard == 1);
    CHECK(t.outlet->on_unheard(2) == unheard::lost);
    CHECK(t.outlet->is_done());
  }
}

TEST_CASE("large events and full batches are left to the publisher") {
  link_test t;
  t.open();
  CHECK(t.publish(encoded_at_once_bytes_max + 1));
  CHECK(t.link->batches.empty());
  t.outlet->serve(256);
  CHECK(t.link->batches.size() == 1);
  // While the first is on its way others gather.
  for (std::size_t i = 0; i < 3 * messages_at_once; ++i) {
    CHECK_FALSE(t.publish());
  }
  t.outlet->on_sent(1, {1, 0, 0});
  t.outlet->serve(messages_at_once);
  CHECK(t.link->batches.size() == 1 + 3);
  CHECK(t.link->sequences.size() == 1 + 3 * messages_at_once);
}

TEST_CASE("a message that the server would not take leaves a gap") {
  link_test t;
  t.open();
  t.outlet->change_way({true, 1, 100});
  CHECK_FALSE(t.publish(1'000));
  CHECK(t.refused == std::vector<std::uint64_t>{0});
  CHECK(t.outlet->look().not_encoded == 1);
  CHECK(t.outlet->look().sequence == 1);
}
