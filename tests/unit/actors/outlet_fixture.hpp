#pragma once

#include "actors/link_outlet.hpp"

#include <memory>
#include <utility>
#include <vector>

// An outlet, and a link that remembers what it is given.

namespace dynamo::actors::test {

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
                  outgoing_window{std::chrono::milliseconds{100}}, &time,
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

} // namespace dynamo::actors::test
