#include <thread>

#include "support/catch.hpp"
#include "unit/actors/outlet_fixture.hpp"

using namespace dynamo;
using namespace dynamo::actors;
using namespace dynamo::actors::test;
using namespace std::chrono_literals;

TEST_CASE("an answer brings what few events wait for it to the link") {
  link_test t;
  t.open();
  CHECK_FALSE(t.publish());
  CHECK_FALSE(t.publish());
  CHECK_FALSE(t.publish());
  CHECK(t.link->batches.size() == 1);
  CHECK_FALSE(t.answer(1));
  REQUIRE(t.link->batches.size() == 2);
  CHECK(t.link->batches[1].messages->size() == 2);
  CHECK_FALSE(t.answer(2));
  CHECK(t.outlet->is_done());
  // The next event finds the buffer empty.
  CHECK_FALSE(t.publish());
  CHECK(t.link->batches.size() == 3);
  CHECK(t.link->sequences == std::vector<std::uint64_t>{0, 1, 2, 3});
}

TEST_CASE("an answer that comes while nobody may send is taken") {
  link_test t;
  t.open();
  CHECK_FALSE(t.publish());
  t.outlet->change_way({false, 1, std::nullopt});
  CHECK_FALSE(t.publish());
  CHECK_FALSE(t.answer(1));
  CHECK(t.link->batches.size() == 1);
  CHECK(t.outlet->look().answered.sent == 1);
}

TEST_CASE("what an answer leaves to the publisher") {
  link_test t;
  t.open();
  CHECK_FALSE(t.publish());
  SECTION("more than a few events") {
    for (int i = 0; i < 65; ++i) {
      CHECK_FALSE(t.publish());
    }
    CHECK(t.answer(1));
    CHECK(t.link->batches.size() == 1);
    t.outlet->serve(256);
    CHECK(t.link->batches.size() == 2);
  }
  SECTION("which it has to hear but once") {
    CHECK_FALSE(t.answer(1));
    for (int i = 0; i < 64 + 65; ++i) {
      CHECK_FALSE(t.publish());
    }
    CHECK(t.answer(2));
    CHECK_FALSE(t.answer(3));
    t.outlet->serve(16);
    CHECK(t.link->sequences.size() > 1 + 64);
  }
  SECTION("what nobody heard") {
    CHECK(t.answer(1, true));
    CHECK_FALSE(t.outlet->is_done());
    CHECK(t.outlet->on_unheard(1) == unheard::held);
  }
  SECTION("its end") {
    t.outlet->stop_holding();
    CHECK(t.answer(1));
    CHECK(t.outlet->is_done());
  }
}

TEST_CASE("answers reach the window in their order, whoever hears them") {
  link_test t;
  t.open();
  CHECK_FALSE(t.publish());
  CHECK_FALSE(t.answer(1));
  CHECK_FALSE(t.publish());
  CHECK_FALSE(t.publish());
  REQUIRE(t.link->batches.size() == 3);
  // The subscriber goes, and another comes in between.
  CHECK(t.answer(2, true));
  CHECK(t.answer(3));
  CHECK(t.outlet->on_unheard(2) == unheard::undecided);
  t.outlet->on_sent(3, {1, 0, 0});
  CHECK(t.outlet->is_done());
  CHECK(t.outlet->look().answered.sent == 2);
  CHECK(t.outlet->look().answered.unheard == 1);
  // From then on the outlet hears them again.
  CHECK_FALSE(t.publish());
  CHECK_FALSE(t.answer(4));
  CHECK(t.outlet->is_done());
}

TEST_CASE("an answer to a publisher that is gone changes nothing") {
  link_test t;
  t.open();
  CHECK_FALSE(t.publish());
  CHECK(t.outlet->take({8, 1, 1, 1, 0, false}));
  CHECK_FALSE(t.outlet->is_done());
  t.outlet->close();
  CHECK(t.outlet->take({7, 1, 1, 1, 0, false}));
}

TEST_CASE("an answer is urgent unless there is room for more") {
  link_test t;
  t.open();
  // Until somebody is known to listen.
  CHECK_FALSE(t.publish());
  CHECK(t.link->batches[0].is_urgent);
  CHECK_FALSE(t.answer(1));
  for (int i = 0; i < 64; ++i) {
    CHECK_FALSE(t.publish());
  }
  REQUIRE(t.link->batches.size() == 1 + 64);
  CHECK_FALSE(t.link->batches[1].is_urgent);
  CHECK_FALSE(t.link->batches[63].is_urgent);
  CHECK(t.link->batches[64].is_urgent);
  SECTION("or it is many messages") {
    for (int i = 0; i < 9; ++i) {
      CHECK_FALSE(t.publish());
    }
    CHECK_FALSE(t.answer(2));
    REQUIRE(t.link->batches.size() == 1 + 65);
    CHECK(t.link->batches[65].is_urgent);
  }
  SECTION("or the publisher ends") {
    CHECK_FALSE(t.answer(2));
    CHECK_FALSE(t.answer(3));
    t.outlet->stop_holding();
    CHECK_FALSE(t.publish());
    REQUIRE(t.link->batches.size() == 1 + 65);
    CHECK(t.link->batches[65].is_urgent);
  }
}

TEST_CASE("many threads publish, one answers, and nothing is left behind") {
  constexpr std::uint64_t each = 20'000;
  constexpr std::uint64_t threads = 3;
  link_test t;
  const auto link = std::make_shared<answered_link>();
  const auto name =
      std::make_shared<const stream_name>(stream_name{"topic", "subject"});
  const system_clock time;
  t.outlet->open({link, 7, message_writer{name, 7, payload_generation::v1_4},
                  outgoing_window{0ms}, &time,
                  [](std::uint64_t, const error&) {}});
  t.outlet->change_way({true, 1, std::nullopt});

  std::atomic<std::uint64_t> rung = 0;
  std::vector<std::thread> publishing;
  for (std::uint64_t i = 0; i < threads; ++i) {
    publishing.emplace_back([&] {
      for (std::uint64_t n = 0; n < each; ++n) {
        if (t.publish()) {
          ++rung;
        }
      }
    });
  }
  std::vector<std::uint64_t> sequences;
  std::uint64_t seen = 0;
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  // Only an answer or a bell makes the publisher look.
  while (sequences.size() < threads * each &&
         std::chrono::steady_clock::now() < deadline) {
    const auto batches = link->take();
    for (const link_batch& batch : batches) {
      for (const wire_message& message : *batch.messages) {
        sequences.push_back(message.sequence);
      }
      const auto taker = batch.taker.lock();
      if (!taker->take({7, batch.number, 1, batch.messages->size()})) {
        ++rung;
      }
    }
    if (const std::uint64_t bells = rung; bells != seen) {
      seen = bells;
      t.outlet->serve(256);
    }
  }
  for (std::thread& one : publishing) {
    one.join();
  }
  REQUIRE(sequences.size() == threads * each);
  CHECK(std::is_sorted(sequences.begin(), sequences.end()));
  CHECK(sequences.back() == threads * each - 1);
  CHECK(t.outlet->is_done());
}
