#include "actors/link_outlet.hpp"

#include <thread>

#include "support/catch.hpp"

namespace {

using namespace dynamo;
using namespace dynamo::actors;
using namespace std::chrono_literals;

/// A link without a server.
class lonely_link : public shared_link {
 public:
  void report_to(std::shared_ptr<link_inbox>, std::function<void()>) override {}
  void connect() override {}
  status subscribe(subscription) override { return ok(); }
  void unsubscribe(subscription_id) override {}
  receiver_counts received() const override { return {}; }
  link_counts counts() const override { return {}; }
  void close() override {}
};

/// Remembers the batches that it was given.
class remembering_link final : public lonely_link {
 public:
  void publish(link_batch batch) override {
    for (const wire_message& message : *batch.messages) {
      sequences.push_back(message.sequence);
    }
    batches.push_back(std::move(batch));
  }

  std::vector<link_batch> batches;
  std::vector<std::uint64_t> sequences;
};

/// Hands its batches to the thread that answers them.
class answered_link final : public lonely_link {
 public:
  void publish(link_batch batch) override {
    const lock_guard guard{mutex_};
    waiting_.push_back(std::move(batch));
  }
  std::vector<link_batch> take() {
    const lock_guard guard{mutex_};
    return std::exchange(waiting_, {});
  }

 private:
  mutex mutex_;
  std::vector<link_batch> waiting_ DYNAMO_GUARDED_BY(mutex_);
};

using unheard = link_outlet::unheard_batch;

struct link_test {
  std::shared_ptr<inbox<event>> buffer =
      std::make_shared<inbox<event>>(inbox_limits{100'000});
  std::shared_ptr<link_outlet> outlet =
      std::make_shared<link_outlet>(buffer, true);
  std::shared_ptr<remembering_link> link = std::make_shared<remembering_link>();
  manual_clock time;
  std::vector<std::uint64_t> refused;

  void open(std::uint64_t epoch = 1) {
    const auto name =
        std::make_shared<const stream_name>(stream_name{"topic", "subject"});
    outlet->open({link, 7, message_writer{name, 7, payload_generation::v1_4},
                  outgoing_window{100ms}, &time,
                  [this](std::uint64_t sequence, const error&) {
                    refused.push_back(sequence);
                  }});
    outlet->change_way({true, epoch, std::nullopt});
  }

  /// As publish() does it. True: the publisher has to be told.
  bool publish(std::size_t bytes = 10) {
    const push_outcome outcome =
        buffer->push(event{raw_event{byte_buffer(bytes, 1)}}, bytes);
    return !outlet->serve_at_once(
        {bytes, outcome == push_outcome::queued_first, false});
  }

  /// The server has the batch with this number.
  void confirm(std::uint64_t number) {
    outlet->on_sent(number,
                    {link->batches.at(number - 1).messages->size(), 0, 0});
    outlet->serve(256);
  }

  /// The same, told to the outlet by the link's thread. True: the publisher
  /// has to be told.
  bool answer(std::uint64_t number, bool is_unheard = false) {
    return !outlet->take({7, number, 1,
                          link->batches.at(number - 1).messages->size(), 0,
                          is_unheard});
  }
};

} // namespace

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
  // Two are on their way at a time.
  CHECK_FALSE(t.publish());
  CHECK(t.link->batches.size() == 3);
  CHECK_FALSE(t.publish());
  CHECK(t.link->batches.size() == 3);
  t.confirm(2);
  t.confirm(3);
  t.confirm(4);
  CHECK(t.link->sequences == std::vector<std::uint64_t>{0, 1, 2, 3, 4});
  CHECK(t.outlet->is_done());
  CHECK(t.outlet->look().answered.sent == 5);
  CHECK(t.outlet->look().sequence == 5);
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
  CHECK(t.link->batches.size() == 3);
  t.confirm(2);
  t.confirm(3);
  CHECK(t.link->sequences.size() == 1 + 3 * messages_at_once);
}

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
  CHECK_FALSE(t.publish());
  REQUIRE(t.link->batches.size() == 2);
  CHECK_FALSE(t.link->batches[1].is_urgent);
  CHECK_FALSE(t.publish());
  REQUIRE(t.link->batches.size() == 3);
  CHECK(t.link->batches[2].is_urgent);
  SECTION("or it is many messages") {
    for (int i = 0; i < 9; ++i) {
      CHECK_FALSE(t.publish());
    }
    CHECK_FALSE(t.answer(2));
    REQUIRE(t.link->batches.size() == 4);
    CHECK(t.link->batches[3].is_urgent);
  }
  SECTION("or the publisher ends") {
    CHECK_FALSE(t.answer(2));
    CHECK_FALSE(t.answer(3));
    t.outlet->stop_holding();
    CHECK_FALSE(t.publish());
    REQUIRE(t.link->batches.size() == 4);
    CHECK(t.link->batches[3].is_urgent);
  }
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
      if (!batch.taker->take({7, batch.number, 1, batch.messages->size()})) {
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
