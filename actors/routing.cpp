#include "actors/routing.hpp"

#include "actors/compose.hpp"
#include "actors/router.hpp"

#include <utility>

namespace dynamo::actors {

namespace {

constexpr std::chrono::seconds answer_timeout{5};

error no_answer() {
  return {errc::unavailable, "the router does not answer"};
}

} // namespace

struct routing::implementation {
  /// Asks the router and waits.
  template <class Answer, class Question>
  result<Answer> ask(Question question) {
    result<Answer> outcome = no_answer();
    caf::scoped_actor self{system};
    seam::request(&*self, router, answer_timeout, std::move(question))
        .receive([&](const Answer& answer) { outcome = answer; },
                 [](const caf::error&) {});
    return outcome;
  }

  caf::actor_system& system;
  caf::actor router;
};

routing::routing(event_plane& plane, router_plan plan) {
  caf::actor_system& system = system_of(plane);
  const plane_parts& parts = parts_of(plane);
  const scope owner = plan.owner;
  const bool kv_events = plan.kv_events;
  const caf::actor router =
      system.spawn<actors::router>(std::move(plan), parts.around);
  parts_ = std::make_unique<implementation>(implementation{system, router});

  const auto follow = [&](bucket where) {
    plane.watch(where, [router, where](const discovery_change& change) {
      const std::vector<discovery_change> changes{change};
      seam::anon_send(
          router,
          records_changed{
              where,
              std::make_shared<const std::vector<discovery_change>>(changes),
              false});
    });
  };
  // A worker's model says how many ranks it has, so it is looked at first.
  follow(bucket::models);
  follow(bucket::instances);
  if (!kv_events) {
    // No subscription at all, so that no socket and no server is needed.
    return;
  }
  follow(bucket::event_sources);
  const caf::actor& root = supervisor_of(plane);
  start_subscriber_on(root, parts, owner, topics::kv_events, router);
  start_subscriber_on(root, parts, owner, topics::kv_metrics, router);
}

routing::~routing() {
  caf::anon_send_exit(parts_->router, caf::exit_reason::user_shutdown);
}

result<route_choice> routing::choose(const route_query& query) {
  auto answer = parts_->ask<worker_chosen>(
      choose_worker{std::make_shared<const route_query>(query)});
  if (!answer) {
    return answer.error();
  }
  if (!answer->choice) {
    return answer->refusal.value_or(no_answer());
  }
  return *std::move(answer->choice);
}

result<bool> routing::prefilled(const std::string& request_id) {
  const auto answer = parts_->ask<request_noted>(request_prefilled{request_id});
  if (!answer) {
    return answer.error();
  }
  return answer->known;
}

result<bool> routing::ended(const std::string& request_id) {
  const auto answer = parts_->ask<request_noted>(request_ended{request_id});
  if (!answer) {
    return answer.error();
  }
  return answer->known;
}

result<std::vector<rank_overlap>>
routing::overlaps(const std::vector<std::uint64_t>& local) {
  auto answer = parts_->ask<overlaps_found>(
      find_overlaps{std::make_shared<const std::vector<std::uint64_t>>(local)});
  if (!answer) {
    return answer.error();
  }
  return std::move(answer->overlaps);
}

result<router_report> routing::report() {
  return parts_->ask<router_report>(report_router{});
}

result<std::vector<rank_blocks>> routing::index() {
  auto answer = parts_->ask<index_report>(report_index{});
  if (!answer) {
    return answer.error();
  }
  return std::move(answer->ranks);
}

} // namespace dynamo::actors
