#include "actors/direct_outlet.hpp"
#include "dynamo/wire/envelope_codec.hpp"

#include <thread>

#include "support/catch.hpp"

namespace {

using namespace dynamo;
using namespace dynamo::actors;

/// Remembers what it was given; has as many subscribers as it is told.
class remembering_sender final : public sender {
 public:
  send_outcome send(const wire_message& message) override {
    if (listeners == 0) {
      ++counts_.unheard;
      return send_outcome::unheard;
    }
    sequences.push_back(message.sequence);
    ++counts_.sent;
    return send_outcome::sent;
  }
  const std::string& endpoint() const override { return endpoint_; }
  std::optional<std::size_t> subscribers() override { return listeners; }
  sender_counts counts() const override { return counts_; }

  std::size_t listeners = 1;
  std::vector<std::uint64_t> sequences;

 private:
  std::string endpoint_ = "memory";
  sender_counts counts_;
};

struct outlet_test {
  std::shared_ptr<inbox<event>> buffer =
      std::make_shared<inbox<event>>(inbox_limits{100'000});
  std::unique_ptr<direct_outlet> outlet =
      std::make_unique<direct_outlet>(buffer, true);
  std::shared_ptr<remembering_sender> socket =
      std::make_shared<remembering_sender>();
  manual_clock time;

  void open() {
    const auto name =
        std::make_shared<const stream_name>(stream_name{"topic", "subject"});
    outlet->open(socket, message_writer{name, 7, payload_generation::v1_4},
                 time, [](std::uint64_t, const error&) {});
  }

  /// As publish() does it. True: somebody else has to be told.
  bool publish(std::size_t bytes = 10, bool in_company = false) {
    const push_outcome outcome =
        buffer->push(event{raw_event{byte_buffer(bytes, 1)}}, bytes);
    return !outlet->serve_at_once(
        {bytes, outcome == push_outcome::queued_first, in_company});
  }
};

std::vector<std::uint64_t> numbers_to(std::uint64_t count) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t i = 0; i < count; ++i) {
    numbers.push_back(i);
  }
  return numbers;
}

} // namespace

TEST_CASE("before it is open, and after it was closed, others are told") {
  outlet_test t;
  CHECK(t.publish());
  t.open();
  CHECK_FALSE(t.outlet->serve(10));
  CHECK(t.socket->sequences == numbers_to(1));
  t.outlet->close();
  CHECK(t.publish());
  CHECK(t.outlet->look().counts.sent == 1);
  CHECK(t.socket.use_count() == 1);
}

TEST_CASE("events are sent by who publishes them") {
  outlet_test t;
  t.open();
  for (std::size_t i = 0; i < 1'000; ++i) {
    CHECK_FALSE(t.publish());
  }
  CHECK(t.socket->sequences == numbers_to(1'000));
  CHECK(t.buffer->counts().depth == 0);
}

TEST_CASE("events that can travel in company are, as long as they are few") {
  outlet_test t;
  t.open();
  for (std::size_t i = 0; i < direct_outlet::credit_max; ++i) {
    CHECK_FALSE(t.publish(10, true));
  }
  CHECK(t.publish(10, true));
  // The publisher is told once, and finds what came since.
  CHECK_FALSE(t.publish(10, true));
  CHECK(t.buffer->counts().depth == 2);
  CHECK_FALSE(t.outlet->serve(10));
  CHECK(t.socket->sequences == numbers_to(direct_outlet::credit_max + 2));
  t.time.advance(3 * direct_outlet::credit_interval);
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(t.publish(10, true));
  }
  CHECK(t.publish(10, true));
}

TEST_CASE("who publishes sends a little of what waits, and says so") {
  constexpr std::size_t waiting = 20;
  outlet_test t;
  t.open();
  t.socket->listeners = 0;
  for (std::size_t i = 0; i < waiting; ++i) {
    t.publish();
  }
  t.socket->listeners = 1;
  t.outlet->look_at_subscribers();
  t.outlet->was_attended();
  const std::size_t sent_before = t.socket->sequences.size();
  CHECK_FALSE(t.publish());
  CHECK(t.socket->sequences.size() == sent_before + messages_at_once);
  CHECK(t.outlet->was_attended());
  CHECK_FALSE(t.outlet->was_attended());
  // And who goes on publishing is through with it at last.
  CHECK_FALSE(t.publish());
  CHECK_FALSE(t.publish());
  CHECK(t.buffer->counts().depth == 0);
}

TEST_CASE("a large event that was dropped holds nobody back") {
  outlet_test t;
  t.buffer = std::make_shared<inbox<event>>(
      inbox_limits{2, 1'000'000, overflow_policy::drop_oldest});
  t.outlet = std::make_unique<direct_outlet>(t.buffer, true);
  t.open();
  CHECK(t.publish(encoded_at_once_bytes_max + 1));
  CHECK_FALSE(t.publish());
  CHECK_FALSE(t.publish());
  CHECK(t.socket->sequences.empty());
  CHECK_FALSE(t.outlet->serve(10));
  CHECK(t.socket->sequences == std::vector<std::uint64_t>{1, 2});
  CHECK_FALSE(t.publish());
  CHECK(t.socket->sequences == std::vector<std::uint64_t>{1, 2, 3});
}

TEST_CASE("large events are left to the publisher") {
  outlet_test t;
  t.open();
  CHECK(t.publish(encoded_at_once_bytes_max + 1));
  CHECK(t.socket->sequences.empty());
  CHECK_FALSE(t.outlet->serve(10));
  CHECK(t.socket->sequences == numbers_to(1));
}

TEST_CASE("what nobody listens to waits for the first subscriber") {
  outlet_test t;
  t.socket->listeners = 0;
  t.open();
  // There is nothing to be told: the publisher hears of subscribers itself.
  CHECK_FALSE(t.publish());
  CHECK_FALSE(t.publish());
  CHECK(t.buffer->counts().depth == 2);
  t.socket->listeners = 1;
  t.outlet->look_at_subscribers();
  CHECK_FALSE(t.outlet->serve(10));
  CHECK(t.socket->sequences == numbers_to(2));
}

TEST_CASE("with nobody left, what waits is sent to nobody once it must") {
  outlet_test t;
  t.open();
  t.socket->listeners = 0;
  CHECK_FALSE(t.publish());
  CHECK(t.outlet->look().counts.unheard == 1);
  CHECK_FALSE(t.publish());
  CHECK(t.buffer->counts().depth == 1);
  t.outlet->stop_holding();
  CHECK_FALSE(t.outlet->serve(10));
  CHECK(t.outlet->look().counts.unheard == 2);
  CHECK(t.outlet->look().sequence == 2);
}

TEST_CASE("a batch that was full has more behind it") {
  outlet_test t;
  t.open();
  t.publish(encoded_at_once_bytes_max + 1);
  t.publish();
  CHECK(t.outlet->serve(2));
  CHECK_FALSE(t.outlet->serve(2));
}

TEST_CASE(
    "threads that publish beside the publisher lose and reorder nothing") {
  constexpr std::uint64_t each = 20'000;
  outlet_test t;
  t.open();
  std::atomic<int> told{0};
  std::atomic<bool> is_over{false};
  const auto publish_all = [&] {
    for (std::uint64_t i = 0; i < each; ++i) {
      if (t.publish()) {
        ++told;
        told.notify_one();
      }
    }
  };
  std::thread publisher{[&] {
    while (!is_over) {
      told.wait(0);
      while (told.exchange(0) > 0) {
        while (t.outlet->serve(16)) {
        }
      }
    }
  }};
  std::thread one{publish_all};
  std::thread other{publish_all};
  one.join();
  other.join();
  is_over = true;
  ++told;
  told.notify_one();
  publisher.join();
  t.outlet->serve(2 * each);
  CHECK(t.socket->sequences == numbers_to(2 * each));
}
