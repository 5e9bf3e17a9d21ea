#include "actors/stream_follower.hpp"
#include "dynamo/events/topic.hpp"
#include "dynamo/wire/envelope_codec.hpp"
#include "dynamo/wire/event_codec.hpp"

#include "support/catch.hpp"

using namespace dynamo;
using namespace dynamo::actors;

namespace {

const clock::time_point now{};
const peer publisher{5, "tcp://127.0.0.1:1"};

inbox_item<wire_message> message(std::uint64_t id, std::uint64_t sequence,
                                 std::uint64_t claimed_id,
                                 std::uint64_t dropped_before = 0) {
  active_load load;
  load.worker_id = 7;
  byte_buffer payload;
  encode_event(load, payload_generation::v1_4, payload);
  wire_message wire{nullptr, id, sequence, {}};
  REQUIRE(encode_envelope(
      {claimed_id, sequence, 1000 + sequence, topics::kv_metrics, payload},
      wire.envelope));
  return {std::move(wire), 100, dropped_before};
}

inbox_item<wire_message> message(std::uint64_t sequence) {
  return message(publisher.publisher_id, sequence, publisher.publisher_id);
}

template <class Notice>
std::vector<Notice> notices(const std::vector<delivery>& deliveries) {
  std::vector<Notice> found;
  for (const delivery& one : deliveries) {
    if (const auto* notice = std::get_if<stream_notice>(&one)) {
      if (const auto* wanted = std::get_if<Notice>(notice)) {
        found.push_back(*wanted);
      }
    }
  }
  return found;
}

std::size_t event_count(const std::vector<delivery>& deliveries) {
  return static_cast<std::size_t>(
      std::count_if(deliveries.begin(), deliveries.end(), [](const auto& one) {
        return std::holds_alternative<received_event>(one);
      }));
}

connection_change link(connection_state state) {
  return {1, publisher, state, {}};
}

/// A follower whose publisher is there and connected.
struct following {
  following() {
    follower.found(publisher, out);
    follower.connection(link(connection_state::connected), out);
    out.clear();
  }

  std::vector<delivery> out;
  stream_follower follower{std::string{topics::kv_metrics}, 10};
};

} // namespace

TEST_CASE("a follower says which form a publisher announces itself in") {
  std::vector<delivery> out;
  const auto generation = [&] {
    return std::get<received_event>(out.back()).generation;
  };
  SECTION("by its record") {
    stream_follower follower{"kv_metrics", 10};
    follower.found(publisher, out, wire_generation::v1_3);
    follower.take(message(0), {}, out);
    CHECK(generation() == wire_generation::v1_3);
    follower.found(publisher, out);
    follower.take(message(1), {}, out);
    CHECK(generation() == wire_generation::v1_4);
  }
  SECTION("by the subject on which it speaks") {
    stream_follower follower{"kv_metrics", 10, admission::anybody};
    follower.tell_apart("namespace.n.kv_metrics");
    auto item = message(0);
    for (const char* subject : {"namespace.n.component.c.endpoint.e.kv_metrics",
                                "namespace.n.kv_metrics"}) {
      item.value.name = std::make_shared<const stream_name>(
          stream_name{"kv_metrics", subject});
      follower.take(item, {}, out);
      CHECK((generation() == wire_generation::v1_3) ==
            (subject == std::string{"namespace.n.kv_metrics"}));
      item = message(1);
    }
  }
}

TEST_CASE("a follower wants to connect to a publisher that it finds") {
  std::vector<delivery> out;
  stream_follower follower{"kv_metrics", 10};
  CHECK(follower.found(publisher, out) ==
        stream_follower::peer_action::connect);
  CHECK(follower.found(publisher, out) == stream_follower::peer_action::none);
  CHECK(notices<publisher_joined>(out).size() == 1);
}

TEST_CASE("a follower goes where a publisher has moved") {
  following f;
  const peer moved{publisher.publisher_id, "tcp://127.0.0.1:2"};
  CHECK(f.follower.found(moved, f.out) ==
        stream_follower::peer_action::connect);
  CHECK(f.follower.wanted() == std::vector<peer>{moved});
}

TEST_CASE("a follower refuses publishers beyond its limit and counts them") {
  std::vector<delivery> out;
  stream_follower follower{"kv_metrics", 1};
  follower.found(publisher, out);
  CHECK(follower.found({6, "tcp://127.0.0.1:3"}, out) ==
        stream_follower::peer_action::none);
  CHECK(follower.refused_publishers() == 1);
}

TEST_CASE("an event that arrives twice is delivered once and told") {
  following f;
  f.follower.take(message(0), now, f.out);
  f.follower.take(message(1), now, f.out);
  f.follower.take(message(1), now, f.out);
  CHECK(event_count(f.out) == 2);
  CHECK(notices<stream_duplicate>(f.out).size() == 1);
}

TEST_CASE("a publisher that begins again at 0 is a restart") {
  following f;
  f.follower.take(message(0), now, f.out);
  f.follower.take(message(1), now, f.out);
  auto again = message(0);
  again.value.envelope.clear();
  byte_buffer payload;
  encode_event(active_load{}, payload_generation::v1_4, payload);
  REQUIRE(encode_envelope({5, 0, 9999, topics::kv_metrics, payload},
                          again.value.envelope));
  f.follower.take(again, now, f.out);
  CHECK(notices<stream_restarted>(f.out).size() == 1);
  CHECK(event_count(f.out) == 3);
}

TEST_CASE("an envelope that contradicts its message is not delivered") {
  following f;
  f.follower.take(message(5, 0, 6), now, f.out);
  CHECK(event_count(f.out) == 0);
  CHECK(notices<stream_unreadable>(f.out).size() == 1);
  f.follower.take(message(1), now, f.out);
  CHECK(event_count(f.out) == 1);
  CHECK(f.follower.report(now).at(0).unreadable == 1);
  CHECK(f.follower.report(now).at(0).state == stream_state::partial);
}

TEST_CASE("bytes that are no envelope are counted and the stream goes on") {
  following f;
  auto bad = message(0);
  bad.value.envelope.resize(10);
  f.follower.take(bad, now, f.out);
  f.follower.take(message(1), now, f.out);
  CHECK(notices<stream_unreadable>(f.out).size() == 1);
  CHECK(event_count(f.out) == 1);
  CHECK(notices<stream_gap>(f.out).empty());
}

TEST_CASE("one bad event leaves the others of its message when it may") {
  for (const auto policy : {unreadable_policy::fail, unreadable_policy::skip}) {
    std::vector<delivery> out;
    stream_follower follower{std::string{topics::kv_events}, 10,
                             admission::discovered, policy};
    static_cast<void>(follower.found(publisher, out));
    static_cast<void>(
        follower.connection(link(connection_state::connected), out));
    byte_buffer payload;
    encode_event(kv_events(3), payload_generation::v1_4, payload);
    payload[0] = 0x94; // Four events, and behind the three a number.
    payload.push_back(0x07);
    wire_message wire{nullptr, publisher.publisher_id, 0, {}};
    REQUIRE(encode_envelope(
        {publisher.publisher_id, 0, 1000, topics::kv_events, payload},
        wire.envelope));
    out.clear();
    follower.take({std::move(wire), 100, 0}, now, out);

    const bool skips = policy == unreadable_policy::skip;
    const auto lost = notices<stream_unreadable>(out);
    REQUIRE(lost.size() == 1);
    CHECK(lost.front().skipped_events == (skips ? 1 : 0));
    CHECK_FALSE(lost.front().reason.message.empty());
    REQUIRE(event_count(out) == (skips ? 1 : 0));
    if (skips) {
      const auto& kept = std::get<received_event>(out.back());
      CHECK(std::get<kv_events>(kept.value).size() == 3);
    }
    const stream_status status = follower.report(now).at(0);
    CHECK(status.state == stream_state::partial);
    CHECK(status.unreadable == 1);
    CHECK(status.skipped_events == (skips ? 1 : 0));
  }
}

TEST_CASE("what the inbox dropped is told apart from what never came") {
  following f;
  f.follower.take(message(0), now, f.out);
  f.follower.take(message(5, 6, 5, 2), now, f.out);
  const auto gaps = notices<stream_gap>(f.out);
  REQUIRE(gaps.size() == 1);
  CHECK(gaps.front().missed == 5);
  CHECK(gaps.front().dropped_here == 2);
}

TEST_CASE("a publisher whose record is gone is kept while it is connected") {
  following f;
  CHECK(f.follower.gone(5, f.out) == stream_follower::peer_action::none);
  f.follower.take(message(0), now, f.out);
  CHECK(event_count(f.out) == 1);
  CHECK(f.follower.connection(link(connection_state::lost), f.out) ==
        stream_follower::peer_action::drop);
  CHECK(f.follower.wanted().empty());
}

TEST_CASE("the last messages of a publisher that left are delivered") {
  following f;
  f.follower.gone(5, f.out);
  f.follower.connection(link(connection_state::lost), f.out);
  f.follower.take(message(0), now, f.out);
  CHECK(event_count(f.out) == 1);
}

TEST_CASE("a publisher that comes back under its id is known again") {
  following f;
  f.follower.take(message(0), now, f.out);
  f.follower.gone(5, f.out);
  f.follower.connection(link(connection_state::lost), f.out);
  CHECK(f.follower.found(publisher, f.out) ==
        stream_follower::peer_action::connect);
  f.follower.connection(link(connection_state::connected), f.out);
  f.follower.take(message(1), now, f.out);
  CHECK(notices<stream_gap>(f.out).empty());
  CHECK(f.follower.report(now).at(0).state == stream_state::in_sync);
}

TEST_CASE("messages of a publisher that was never found are counted") {
  following f;
  f.follower.take(message(99, 0, 99), now, f.out);
  CHECK(f.out.empty());
  CHECK(f.follower.strangers() == 1);
}
