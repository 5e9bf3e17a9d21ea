#include "actors/routing.hpp"

#include "actors/compose.hpp"
#include "actors/router.hpp"

#include <algorithm>
#include <utility>

namespace dynamo::actors {

namespace {

constexpr std::chrono::seconds answer_timeout{5};

error no_answer() {
  return {errc::unavailable, "the router does not answer"};
}

/// What is told to other routers ages: it is not kept for the first of them.
publisher_handle publisher_for(const caf::actor& root, const plane_parts& parts,
                               const scope& owner, std::string_view topic) {
  publisher_options options = parts.around.options.publisher;
  options.hold_without_subscriber = false;
  return start_publisher_on(root, parts,
                            {owner, std::string{topic}, {}, options});
}

} // namespace

std::string_view to_string(route_mode mode) {
  switch (mode) {
  case route_mode::aggregated:
    return "aggregated";
  case route_mode::disaggregated:
    return "disaggregated";
  case route_mode::decode_only:
    return "decode_only";
  case route_mode::prefill_only:
    break;
  }
  return "prefill_only";
}

struct routing::implementation {
  /// The router of one pool.
  struct pool {
    caf::actor router;
    std::shared_ptr<const block_lookup> lookup;
  };

  using outcome = std::variant<route_choice, route_refusal>;

  /// Asks a router and waits.
  template <class Answer, class Question>
  result<Answer> ask(const pool& whom, Question question,
                     std::chrono::milliseconds timeout = answer_timeout) {
    result<Answer> outcome = no_answer();
    caf::scoped_actor self{system};
    seam::request(&*self, whom.router, timeout, std::move(question))
        .receive([&](const Answer& answer) { outcome = answer; },
                 [](const caf::error&) {});
    return outcome;
  }

  template <class Question>
  result<bool> note(const pool& whom, Question question) {
    const auto answer = ask<request_noted>(whom, std::move(question));
    if (!answer) {
      return answer.error();
    }
    return answer->known;
  }

  pool start_pool(event_plane& plane, pool_plan plan);
  result<outcome> choose(const pool& whom, route_request request);
  result<std::variant<routed, route_refusal>>
  choose_decode(route_request request, route_choice prefill);

  caf::actor_system& system;
  std::chrono::milliseconds choice_timeout{0};
  std::size_t request_blocks_max = 0;
  /// Both phases, or those that generate.
  pool main;
  /// Those that compute prompts, if they are apart.
  std::optional<pool> prefill;
};

routing::implementation::pool
routing::implementation::start_pool(event_plane& plane, pool_plan plan) {
  const plane_parts& parts = parts_of(plane);
  const caf::actor& root = supervisor_of(plane);
  const scope owner = plan.plan.owner;
  const bool kv_events = plan.plan.kv_events;
  const bool has_replicas = plan.plan.options.replicas.sync;
  plan.router_id = plane.instance_id();
  if (has_replicas) {
    plan.sequences =
        publisher_for(root, parts, owner, topics::active_sequences);
    plan.states = publisher_for(root, parts, owner, topics::sequence_state);
  }
  pool made;
  made.router = system.spawn<actors::router>(std::move(plan), parts.around);
  const auto follow = [&](bucket where) {
    plane.watch(where, [to = made.router, where](const discovery_change& one) {
      const std::vector<discovery_change> changes{one};
      seam::anon_send(
          to,
          records_changed{
              where,
              std::make_shared<const std::vector<discovery_change>>(changes),
              false});
    });
  };
  // A worker's model says how many ranks it has, so it is looked at first.
  follow(bucket::models);
  follow(bucket::instances);
  std::vector<std::string_view> wanted;
  // Without kv-events there is no subscription at all, so that no socket and
  // no server is needed.
  if (kv_events) {
    follow(bucket::event_sources);
    wanted = {topics::kv_events, topics::kv_metrics, topics::forward_pass};
  }
  if (has_replicas) {
    wanted.push_back(topics::active_sequences);
    wanted.push_back(topics::sequence_state);
  }
  for (const std::string_view topic : wanted) {
    start_subscriber_on(root, parts, owner, topic, made.router);
  }
  auto shared = ask<lookup_shared>(made, share_lookup{});
  made.lookup = shared ? shared->lookup
                       : std::make_shared<const block_lookup>(nullptr, nullptr);
  return made;
}

routing::routing(event_plane& plane, router_plan plan) {
  parts_ = std::make_unique<implementation>(
      implementation{system_of(plane), {}, 0, {}, {}});
  const pools_options pools = plan.options.pools;
  parts_->choice_timeout = answer_timeout + plan.options.queue.wait_max;
  parts_->request_blocks_max = plan.options.request_blocks_max;
  if (!pools.prefill_component.empty()) {
    pool_plan prefill{plan, pool_role::prefill, 0, {}, {}};
    prefill.plan.owner = scope::of_endpoint(
        plan.owner.ns, pools.prefill_component, pools.prefill_endpoint);
    parts_->prefill = parts_->start_pool(plane, std::move(prefill));
  }
  const auto role = parts_->prefill ? pool_role::decode : pool_role::both;
  parts_->main =
      parts_->start_pool(plane, pool_plan{std::move(plan), role, 0, {}, {}});
}

routing::~routing() {
  caf::anon_send_exit(parts_->main.router, caf::exit_reason::user_shutdown);
  if (parts_->prefill) {
    caf::anon_send_exit(parts_->prefill->router,
                        caf::exit_reason::user_shutdown);
  }
}

result<routing::implementation::outcome>
routing::implementation::choose(const pool& whom, route_request request) {
  choose_worker question;
  // Prompts that are too long are refused without being looked up.
  question.overlaps = std::make_shared<const std::vector<rank_overlap>>(
      request.local.size() <= request_blocks_max
          ? whom.lookup->find_matches(request.local)
          : std::vector<rank_overlap>{});
  question.request = std::make_shared<const route_request>(std::move(request));
  auto answer = ask<worker_chosen>(whom, std::move(question), choice_timeout);
  if (!answer) {
    return answer.error();
  }
  return std::move(answer->outcome);
}

result<std::variant<routed, route_refusal>>
routing::choose(route_request request) {
  if (!parts_->prefill) {
    auto outcome = parts_->choose(parts_->main, std::move(request));
    if (!outcome) {
      return outcome.error();
    }
    if (auto* refused = std::get_if<route_refusal>(&*outcome)) {
      return {std::move(*refused)};
    }
    return {routed{route_mode::aggregated,
                   std::get<route_choice>(*std::move(outcome)),
                   {},
                   {}}};
  }
  auto prefill = parts_->choose(*parts_->prefill, request);
  if (!prefill) {
    return prefill.error();
  }
  if (auto* choice = std::get_if<route_choice>(&*prefill)) {
    return parts_->choose_decode(std::move(request), std::move(*choice));
  }
  auto& refused = std::get<route_refusal>(*prefill);
  if (refused.why != refusal::no_worker) {
    return {std::move(refused)};
  }
  auto decode = parts_->choose(parts_->main, std::move(request));
  if (!decode) {
    return decode.error();
  }
  if (auto* none = std::get_if<route_refusal>(&*decode)) {
    return {std::move(*none)};
  }
  return {routed{route_mode::decode_only,
                 std::get<route_choice>(*std::move(decode)),
                 {},
                 "the prefill pool is empty"}};
}

/// The second half: by load alone, for the prompt is computed elsewhere.
result<std::variant<routed, route_refusal>>
routing::implementation::choose_decode(route_request request,
                                       route_choice prefill_choice) {
  const std::string request_id = request.request_id;
  const booking_mode mode = request.mode;
  request.overrides.overlap_score_credit = 0;
  request.overrides.track_prefill_tokens = false;
  // A pinned worker is one of the pool that computes the prompt.
  request.pinned_worker.reset();
  request.pinned_rank.reset();
  request.allowed_workers.clear();
  auto decode = choose(main, std::move(request));
  if (decode) {
    if (auto* choice = std::get_if<route_choice>(&*decode)) {
      return {routed{route_mode::disaggregated,
                     std::move(*choice),
                     std::move(prefill_choice),
                     {}}};
    }
    auto& refused = std::get<route_refusal>(*decode);
    if (refused.why == refusal::no_worker) {
      return {routed{route_mode::prefill_only,
                     std::move(prefill_choice),
                     {},
                     "the decode pool is empty"}};
    }
  }
  if (mode == booking_mode::book) {
    // Without a worker that generates the prompt is not computed either.
    static_cast<void>(note(*prefill, request_ended{request_id}));
  }
  if (!decode) {
    return decode.error();
  }
  return {std::get<route_refusal>(*std::move(decode))};
}

result<bool> routing::prefilled(const std::string& request_id) {
  const auto known = parts_->note(parts_->main, request_prefilled{request_id});
  if (!known || !parts_->prefill) {
    return known;
  }
  // Where another worker generates the prefill worker is done.
  if (*known) {
    static_cast<void>(
        parts_->note(*parts_->prefill, request_ended{request_id}));
    return true;
  }
  return parts_->note(*parts_->prefill, request_prefilled{request_id});
}

result<bool> routing::output_block(const std::string& request_id,
                                   std::optional<double> progress) {
  const auto known =
      parts_->note(parts_->main, request_grew{request_id, progress});
  if (!known || *known || !parts_->prefill) {
    return known;
  }
  return parts_->note(*parts_->prefill, request_grew{request_id, progress});
}

result<bool> routing::ended(const std::string& request_id) {
  const auto known = parts_->note(parts_->main, request_ended{request_id});
  if (!known || !parts_->prefill) {
    return known;
  }
  const auto prefill =
      parts_->note(*parts_->prefill, request_ended{request_id});
  if (!prefill) {
    return prefill;
  }
  return *known || *prefill;
}

std::vector<rank_overlap>
routing::overlaps(std::span<const std::uint64_t> local) const {
  const auto& pool = parts_->prefill ? *parts_->prefill : parts_->main;
  return pool.lookup->find_matches(local);
}

result<router_report> routing::report() {
  auto main = parts_->ask<pool_shown>(parts_->main, report_router{});
  if (!main) {
    return main.error();
  }
  router_report report;
  report.timeline = std::move(main->timeline);
  report.pools.push_back(std::move(main->pool));
  if (parts_->prefill) {
    auto prefill = parts_->ask<pool_shown>(*parts_->prefill, report_router{});
    if (!prefill) {
      return prefill.error();
    }
    report.pools.push_back(std::move(prefill->pool));
    report.timeline.insert(report.timeline.end(), prefill->timeline.begin(),
                           prefill->timeline.end());
    std::stable_sort(report.timeline.begin(), report.timeline.end(),
                     [](const timeline_entry& a, const timeline_entry& b) {
                       return a.time_ms < b.time_ms;
                     });
  }
  return report;
}

result<std::vector<rank_blocks>> routing::index() {
  auto main = parts_->ask<index_report>(parts_->main, report_index{});
  if (!main) {
    return main.error();
  }
  std::vector<rank_blocks> ranks = std::move(main->ranks);
  if (parts_->prefill) {
    auto prefill = parts_->ask<index_report>(*parts_->prefill, report_index{});
    if (!prefill) {
      return prefill.error();
    }
    std::move(prefill->ranks.begin(), prefill->ranks.end(),
              std::back_inserter(ranks));
  }
  return ranks;
}

result<std::vector<pool_requests>> routing::requests() {
  auto main = parts_->ask<pool_requests>(parts_->main, report_requests{});
  if (!main) {
    return main.error();
  }
  std::vector<pool_requests> pools;
  pools.push_back(*std::move(main));
  if (parts_->prefill) {
    auto prefill =
        parts_->ask<pool_requests>(*parts_->prefill, report_requests{});
    if (!prefill) {
      return prefill.error();
    }
    pools.push_back(*std::move(prefill));
  }
  return pools;
}

} // namespace dynamo::actors
