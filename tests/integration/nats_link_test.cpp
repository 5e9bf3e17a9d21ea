#include <atomic>
#include <string>
#include <vector>

#include "nats_fixture.hpp"

// What a link does while its server is well.

namespace dynamo::nats_test {

TEST_CASE("nats_link says to whom it is connected and what it may send") {
  const nats_server_process server;
  station ours{quick(server.address())};
  const link_change made = ours.connect();
  CHECK(made.state == link_state::connected);
  CHECK(made.server == server.url());
  CHECK(made.epoch == 1);
  CHECK(made.envelope_bytes_max == 1024 * 1024);
  CHECK(made.reason.empty());
  CHECK(ours.link->counts().connects == 1);
}

TEST_CASE("nats_link carries bare envelopes on the subject, and only the "
          "first of a batch asks for a reply") {
  const nats_server_process server;
  bare_client other{server.url()};
  other.subscribe(subject);
  station ours{quick(server.address())};
  ours.must_connect();

  const auto sent = messages(0, 3);
  ours.publish(1, sent);
  ours.publish(2, messages(3, 1));
  for (std::size_t at = 0; at < 3; ++at) {
    const bare_client::seen seen = other.next();
    CHECK(seen.subject == subject);
    CHECK(seen.body == text_of_envelope(sent[at]));
    CHECK(seen.reply.empty() == (at > 0));
  }
  CHECK_FALSE(other.next().reply.empty());

  const link_outcome outcome = ours.outcome();
  CHECK(outcome.publisher_id == 7);
  CHECK(outcome.number == 1);
  CHECK(outcome.epoch == 1);
  CHECK(outcome.sent == 3);
  CHECK(outcome.refused == 0);
  CHECK_FALSE(outcome.unheard);
  CHECK(ours.outcome().number == 2);
  CHECK(ours.link->counts().confirmed == 4);
}

TEST_CASE("nats_link delivers what was published to another link") {
  const nats_server_process server;
  station publisher{quick(server.address())};
  station subscriber{quick(server.address())};
  subscriber.subscribe();
  subscriber.must_connect();
  publisher.must_connect();

  const auto sent = messages(0, 1000);
  publisher.publish(1, sent);
  const auto taken = subscriber.take(sent.size());
  REQUIRE(taken.size() == sent.size());
  for (std::size_t at = 0; at < sent.size(); ++at) {
    REQUIRE(taken[at].sequence == at);
    REQUIRE(taken[at].publisher_id == 7);
    REQUIRE(taken[at].envelope == sent[at].envelope);
  }
  CHECK(taken[0].name->subject == subject);
  // Counted after it was handed over.
  CHECK(eventually(
      [&] { return subscriber.link->received().accepted == sent.size(); }));
}

TEST_CASE("nats_link counts and drops what is no event of the topic") {
  const nats_server_process server;
  station ours{quick(server.address())};
  ours.subscribe();
  ours.must_connect();
  bare_client other{server.url()};
  other.publish(subject, "no envelope");
  other.publish(subject, "");
  other.publish(subject, text_of_envelope(message(1, "x", "other")));
  other.publish(subject, text_of_envelope(message(2)));

  CHECK(ours.take(1).front().sequence == 2);
  CHECK(eventually([&] { return ours.link->received().accepted == 1; }));
  const receiver_counts counts = ours.link->received();
  CHECK(counts.bad_envelope == 2);
  CHECK(counts.bad_topic == 1);
}

TEST_CASE("nats_link tells of each batch whether anybody was subscribed") {
  const nats_server_process server;
  station ours{quick(server.address())};
  ours.must_connect();
  ours.publish(1, messages(0, 5));
  const link_outcome first = ours.outcome();
  CHECK(first.unheard);
  CHECK(first.sent == 5);

  bare_client other{server.url()};
  other.subscribe(subject);
  // One round may hold both kinds.
  wire_message elsewhere = message(1);
  elsewhere.name = std::make_shared<const stream_name>(
      stream_name{"kv-events", "namespace.elsewhere.kv-events"});
  ours.publish(2, messages(5, 1));
  ours.publish(3, {elsewhere});
  ours.publish(4, messages(6, 1));
  CHECK_FALSE(ours.outcome().unheard);
  CHECK(ours.outcome().unheard);
  CHECK_FALSE(ours.outcome().unheard);
}

TEST_CASE("nats_link subscribes and unsubscribes while connected") {
  const nats_server_process server;
  station ours{quick(server.address())};
  ours.must_connect();
  ours.subscribe(1);
  CHECK(ours.link->subscribe({1, kv_events(), ours.received, [] {}})
            .error()
            .code == errc::exists);
  // The server knows of it when the batch is heard.
  std::uint64_t number = 0;
  CHECK(eventually([&] {
    ++number;
    ours.publish(number, messages(number, 1));
    return !ours.outcome().unheard;
  }));
  ours.take(1);
  ours.link->unsubscribe(1);
  CHECK(eventually([&] {
    ++number;
    ours.publish(number, messages(number, 1));
    return ours.outcome().unheard;
  }));
  ours.subscribe(1);
}

TEST_CASE("nats_link calls no wake after unsubscribe returned") {
  const nats_server_process server;
  station publisher{quick(server.address())};
  publisher.must_connect();
  station ours{quick(server.address())};
  std::atomic<bool> is_gone{false};
  std::atomic<bool> was_late{false};
  std::atomic<int> woken{0};
  std::vector<inbox_item<wire_message>> items;
  REQUIRE(ours.link->subscribe({1, kv_events(), ours.received, [&] {
                                  was_late = was_late || is_gone;
                                  ++woken;
                                  ours.received->drain(items, 1'000'000);
                                }}));
  ours.must_connect();
  publisher.publish(1, messages(0, 20'000));
  REQUIRE(eventually([&] { return woken > 10; }));
  ours.link->unsubscribe(1);
  is_gone = true;
  CHECK(publisher.outcome().sent == 20'000);
  ours.link->close();
  CHECK_FALSE(was_late);
}

TEST_CASE("nats_link refuses what is larger than the server takes") {
  const nats_server_process server{"max_payload: 4096"};
  bare_client other{server.url()};
  other.subscribe(subject);
  station ours{quick(server.address())};
  const link_change made = ours.connect();
  REQUIRE(made.state == link_state::connected);
  CHECK(made.envelope_bytes_max == 4096);

  ours.publish(1, {message(0, std::string(5000, 'x')), message(1),
                   message(2, std::string(5000, 'x')), message(3)});
  const link_outcome outcome = ours.outcome();
  CHECK(outcome.sent == 2);
  CHECK(outcome.refused == 2);
  CHECK_FALSE(outcome.unheard);
  CHECK(other.next().body == text_of_envelope(message(1)));
  CHECK(other.next().body == text_of_envelope(message(3)));
  CHECK(ours.link->counts().too_large == 2);

  ours.publish(2, {message(4, std::string(5000, 'x'))});
  CHECK(ours.outcome().refused == 1);
}

TEST_CASE("nats_link goes on without the proof when its inbox is forbidden") {
  const nats_server_process server{
      "authorization { users: [ { user: user, password: user, permissions: { "
      "publish: \"namespace.>\", subscribe: \"namespace.>\" } } ] }"};
  station ours{quick(server.address())};
  const link_change made = ours.connect();
  REQUIRE(made.state == link_state::connected);
  CHECK(made.reason.find("does not tell whether anybody is subscribed") !=
        std::string::npos);
  ours.publish(1, messages(0, 2));
  const link_outcome outcome = ours.outcome();
  CHECK(outcome.sent == 2);
  CHECK_FALSE(outcome.unheard);
}

TEST_CASE("nats_link answers for no message on a subject that is forbidden") {
  const nats_server_process server{
      "authorization { users: [ { user: user, password: user, permissions: { "
      "publish: [ \"_INBOX.>\", \"elsewhere\" ] } } ] }"};
  station ours{quick(server.address())};
  ours.must_connect();
  for (std::uint64_t number = 1; number <= 2; ++number) {
    ours.publish(number, messages(0, 3));
    const link_outcome outcome = ours.outcome();
    CHECK(outcome.sent == 0);
    CHECK(outcome.refused == 3);
  }
  CHECK(ours.link->counts().forbidden == 6);
  CHECK(ours.link->counts().confirmed == 0);

  wire_message elsewhere = message(1);
  elsewhere.name = std::make_shared<const stream_name>(
      stream_name{"kv-events", "elsewhere"});
  ours.publish(3, {elsewhere});
  CHECK(ours.outcome().sent == 1);
}

TEST_CASE("nats_link sends and delivers what it has before it closes") {
  const nats_server_process server;
  station publisher{quick(server.address())};
  station subscriber{quick(server.address())};
  std::atomic<int> woken{0};
  REQUIRE(subscriber.link->subscribe(
      {1, kv_events(), subscriber.received, [&] { ++woken; }}));
  subscriber.must_connect();
  publisher.must_connect();
  publisher.publish(1, messages(0, 2000));
  publisher.link->close();
  CHECK(publisher.outcome().sent == 2000);
  CHECK(publisher.change().state == link_state::draining);
  CHECK(publisher.change().state == link_state::closed);

  subscriber.link->close();
  CHECK(subscriber.take(2000).size() == 2000);
  CHECK(woken > 0);
  CHECK(subscriber.change().state == link_state::draining);
  CHECK(subscriber.change().state == link_state::closed);

  subscriber.link->close();
  subscriber.link->connect();
  CHECK(subscriber.link->subscribe({2, kv_events(), subscriber.received, [] {}})
            .error()
            .code == errc::closed);
  CHECK(subscriber.changes.empty());
}

TEST_CASE("nats_link that never connected closes at once") {
  station ours{quick("127.0.0.1:1")};
  ours.subscribe();
  ours.publish(1, messages(0, 1), 0);
  ours.link->close();
  CHECK(ours.change().state == link_state::closed);
  CHECK(ours.outcomes.empty());
}

TEST_CASE("nats_link connects over IPv6") {
  const nats_server_process server{"", "::1"};
  station ours{quick("[::1]:" + std::to_string(server.port()))};
  ours.must_connect();
}

} // namespace dynamo::nats_test
