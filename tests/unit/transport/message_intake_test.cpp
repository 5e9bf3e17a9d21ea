#include "dynamo/transport/message_intake.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"

namespace dynamo {

namespace {

struct fixture {
  explicit fixture(std::size_t items_max = 2)
      : messages(std::make_shared<message_inbox>(
            inbox_limits{items_max, 1'000'000, overflow_policy::drop_newest})) {
  }

  std::shared_ptr<message_inbox> messages;
  receiver_counters counters;
  int woken = 0;
  message_intake intake{
      subscription{1,
                   std::make_shared<const stream_name>(
                       stream_name{"kv-events", "namespace.d.kv-events"}),
                   messages, [this] { ++woken; }},
      counters};

  std::optional<zmq_message> check(const std::vector<std::string>& parts) {
    std::vector<byte_view> views;
    for (const std::string& part : parts) {
      views.push_back(bytes_of(part));
    }
    return intake.check(views);
  }
};

const std::string id(8, '\x01');
const std::string frame{"\x01\x00\x00\x00\x02hi", 7};

} // namespace

TEST_CASE("message_intake returns a good message") {
  fixture f;
  const std::vector<std::string> parts = {"kv-events", id, id, frame};
  const auto message = f.check(parts);
  REQUIRE(message);
  CHECK(message->publisher_id == 0x0101010101010101);
  CHECK(text_of(message->envelope) == "hi");
}

TEST_CASE("message_intake counts each flaw in a counter of its own") {
  fixture f;
  CHECK_FALSE(f.check({"kv-events"}));
  CHECK_FALSE(f.check({"kv-events", id, id}));
  CHECK_FALSE(f.check({"kv-events", id, id, frame, ""}));
  CHECK_FALSE(f.check({"kv-events-x", id, id, frame}));
  CHECK_FALSE(f.check({"kv-events", "1234567", id, frame}));
  CHECK_FALSE(f.check({"kv-events", id, "123456789", frame}));
  CHECK_FALSE(f.check({"kv-events", id, id, "\x02"}));
  f.intake.refuse_identity();

  const receiver_counts counts = f.counters.picture();
  CHECK(counts.bad_parts == 3);
  CHECK(counts.bad_topic == 1);
  CHECK(counts.bad_identity == 3);
  CHECK(counts.bad_frame == 1);
  CHECK(counts.accepted == 0);
}

TEST_CASE("message_intake wakes on the first message and counts overflow") {
  fixture f;
  const byte_buffer envelope = {1, 2, 3};
  for (std::uint64_t sequence = 0; sequence < 5; ++sequence) {
    f.intake.take({7, sequence, envelope});
  }
  f.intake.flush();
  const receiver_counts counts = f.counters.picture();
  CHECK(counts.accepted == 2);
  CHECK(counts.overflowed == 3);
  CHECK(counts.bytes == 6);
  CHECK(f.woken == 1);

  std::vector<inbox_item<wire_message>> items;
  f.messages->drain(items, 10);
  REQUIRE(items.size() == 2);
  CHECK(items[1].value.publisher_id == 7);
  CHECK(items[1].value.sequence == 1);
  CHECK(items[1].value.envelope == envelope);
  CHECK(items[1].value.name->topic == "kv-events");
}

TEST_CASE("message_intake wakes once for what comes together, and not too "
          "late") {
  fixture f{1000};
  const byte_buffer envelope = {1, 2, 3};
  f.intake.take({7, 0, envelope});
  CHECK(f.woken == 0);
  for (std::uint64_t sequence = 1; sequence < 100; ++sequence) {
    f.intake.take({7, sequence, envelope});
  }
  CHECK(f.woken == 1);
  CHECK(f.counters.picture().accepted >= 64);
  f.intake.flush();
  f.intake.flush();
  CHECK(f.woken == 1);
  CHECK(f.counters.picture().accepted == 100);
  CHECK(f.counters.picture().bytes == 300);
}

} // namespace dynamo
