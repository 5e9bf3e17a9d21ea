// Publish path, step 1: publish() puts an event into its publisher's bounded
// buffer. If that was empty, it sends what is there (direct_outlet) or wakes
// the publisher, and returns.

#include "actors/compose.hpp"
#include "actors/messages.hpp"
#include "dynamo/base/ids.hpp"

#include <atomic>
#include <utility>

namespace dynamo::actors {

struct publisher_handle::shared {
  explicit shared(std::shared_ptr<const publisher_plan> made_for)
      : plan(std::move(made_for)) {}

  const std::shared_ptr<const publisher_plan> plan;
  mutable std::atomic<bool> closed = false;
};

publisher_handle::publisher_handle(std::shared_ptr<const shared> state)
    : state_(std::move(state)) {}

bool publisher_handle::publish(event&& value) {
  if (state_->closed.load(std::memory_order_relaxed)) {
    return false;
  }
  const std::size_t size = size_bytes(value);
  const bool travels_in_company =
      std::holds_alternative<kv_events>(value) ||
      std::holds_alternative<active_sequence_events>(value);
  const push_outcome outcome =
      state_->plan->buffer->push(std::move(value), size);
  if (outcome == push_outcome::dropped) {
    return false;
  }
  const pushed_event pushed{size, outcome == push_outcome::queued_first,
                            travels_in_company};
  // The one that is not open leaves it to the other.
  if (!state_->plan->direct_out->serve_at_once(pushed) &&
      !state_->plan->link_out->serve_at_once(pushed)) {
    state_->plan->bell->ring(events_waiting{});
  }
  return true;
}

inbox_counts publisher_handle::buffered() const {
  return state_->plan->buffer->counts();
}

void publisher_handle::close() {
  state_->closed = true;
  state_->plan->bell->ring(close_publisher{});
}

publisher_handle start_publisher_on(const caf::actor& plane,
                                    const plane_parts& parts,
                                    const publisher_request& request) {
  const auto options = request.options.value_or(parts.around.options.publisher);
  auto buffer = std::make_shared<inbox<event>>(options.buffer);
  auto direct_out =
      std::make_shared<direct_outlet>(buffer, options.hold_without_subscriber);
  auto link_out =
      std::make_shared<link_outlet>(buffer, options.hold_without_subscriber);
  auto plan = std::make_shared<const publisher_plan>(publisher_plan{
      request, options, std::move(buffer), std::make_shared<doorbell>(),
      std::move(direct_out), std::move(link_out)});
  seam::anon_send(plane, start_publisher{plan});
  return publisher_handle{
      std::make_shared<const publisher_handle::shared>(std::move(plan))};
}

namespace {

subscription_id start(const caf::actor& plane, subscription_plan plan) {
  plan.id = random_u64();
  plan.inbox = std::make_shared<message_inbox>(plan.options.inbox);
  plan.bell = std::make_shared<doorbell>();
  const subscription_id id = plan.id;
  seam::anon_send(
      plane, start_subscriber{
                 std::make_shared<const subscription_plan>(std::move(plan))});
  return id;
}

} // namespace

subscription_id start_subscriber_on(const caf::actor& plane,
                                    const plane_parts& parts,
                                    const scope& owner, std::string_view topic,
                                    const caf::actor& consumer) {
  subscription_plan plan;
  plan.owner = owner;
  plan.topic = topic;
  plan.options = parts.around.options.subscriber;
  plan.consumer = consumer;
  return start(plane, std::move(plan));
}

subscription_id start_subscriber_on(const caf::actor& plane,
                                    const plane_parts& parts,
                                    const scope& owner, std::string_view topic,
                                    stream_consumer consumer) {
  subscription_plan plan;
  plan.owner = owner;
  plan.topic = topic;
  plan.options = parts.around.options.subscriber;
  plan.functions = std::move(consumer);
  return start(plane, std::move(plan));
}

} // namespace dynamo::actors
