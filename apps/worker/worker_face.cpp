#include "apps/worker/worker_face.hpp"

#include "apps/app/link_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace dynamo::apps {

namespace {

using nlohmann::json;

constexpr std::size_t threads_max = 4096;
constexpr std::size_t threads_beside_requests = 8;

/// Waits until the request is done.
http_answer whole_answer(const answer_source& source, pending_answer& answer) {
  for (;;) {
    const auto progress = answer.next();
    if (!progress) {
      return refuse(progress.error());
    }
    if (progress->stage == request_stage::done) {
      return {200, to_json(source, *progress)};
    }
  }
}

/// Sends `first` and what follows it.
void send_progress(const answer_source& source, pending_answer& answer,
                   result<request_progress> progress, const send_line& send) {
  while (progress) {
    if (!send(to_json(source, *progress)) ||
        progress->stage == request_stage::done) {
      return;
    }
    progress = answer.next();
  }
  // The status has gone out; a line is the only way left to say it. A client
  // that has gone as well need not know.
  static_cast<void>(send(refuse(progress.error()).body));
}

http_outcome generate(worker& served, std::uint32_t block_size,
                      std::string_view body) {
  auto call = generate_call_from_json(body, block_size);
  if (!call) {
    return refuse(call.error());
  }
  const answer_mode mode = call->mode;
  const auto answer = std::make_shared<pending_answer>();
  auto source = served.generate(*std::move(call), answer);
  if (!source) {
    return refuse(source.error());
  }
  if (mode == answer_mode::whole) {
    return whole_answer(*source, *answer);
  }
  // Before the status goes out, so that a stop while it waits is a 503.
  auto first = answer->next();
  if (!first) {
    return refuse(first.error());
  }
  return http_stream{[source = *std::move(source), answer,
                      first = std::move(first)](const send_line& send) {
    send_progress(source, *answer, first, send);
  }};
}

json blocks_of(const cache_snapshot& cache) {
  json blocks = json::array();
  for (const cached_block& block : cache.blocks) {
    const json parent = block.parent_hash ? json(*block.parent_hash) : json();
    blocks.push_back(
        json::array({block.block_hash, block.tokens_hash, parent}));
  }
  return blocks;
}

http_answer cache(const worker& served, std::uint32_t block_size) {
  json ranks = json::array();
  for (const rank_snapshot& rank : served.caches()) {
    ranks.push_back({{"dp_rank", rank.dp_rank},
                     {"capacity_blocks", rank.cache.capacity_blocks},
                     {"used_blocks", rank.cache.used_blocks},
                     {"event_id", rank.cache.event_id},
                     {"blocks", blocks_of(rank.cache)}});
  }
  return reply({{"worker_id", served.id()},
                {"block_size", block_size},
                {"ranks", std::move(ranks)}});
}

http_answer clear(worker& served) {
  const status cleared = served.clear();
  return cleared ? reply(json::object()) : refuse(cleared.error());
}

http_answer streams(const worker& served) {
  json publishers = json::array();
  const actors::plane_status plane = served.plane();
  for (const actors::publisher_status& each : plane.publishers) {
    publishers.push_back(
        {{"scope", to_string(each.owner)},
         {"topic", each.topic},
         {"publisher_id", each.publisher_id},
         {"endpoint", each.endpoint},
         {"advertised", each.advertised},
         {"subscribers", each.subscribers ? json(*each.subscribers) : json()},
         {"accepted", each.accepted},
         {"sequence", each.sequence},
         {"sent", each.sent},
         {"dropped", each.dropped},
         {"unheard", each.unheard},
         {"refused", each.refused},
         {"waiting", each.waiting}});
  }
  return reply({{"worker_id", served.id()},
                {"publishers", std::move(publishers)},
                {"link", link_json(plane)}});
}

http_answer readiness(const worker& served) {
  const status ready = served.readiness();
  return ready ? reply({{"status", "ready"}})
               : refuse(503, "unavailable", ready.error().message);
}

} // namespace

std::vector<http_route> worker_routes(worker& served, const options& settings) {
  const std::uint32_t block_size = settings.deployment.block_size;
  return {
      {http_method::post, "/generate",
       [&served, block_size](const http_request& request) {
         return generate(served, block_size, request.body);
       }},
      {http_method::post, "/clear",
       [&served](const http_request&) { return clear(served); }},
      {http_method::get, "/cache",
       [&served, block_size](const http_request&) {
         return cache(served, block_size);
       }},
      {http_method::get, "/streams",
       [&served](const http_request&) { return streams(served); }},
      {http_method::get, "/healthz",
       [](const http_request&) {
         return reply({{"status", "ok"}});
       }},
      {http_method::get, "/readyz",
       [&served](const http_request&) { return readiness(served); }},
  };
}

std::size_t worker_face_threads(const worker_options& settings) {
  const std::size_t requests =
      settings.dp_ranks * (settings.concurrency + settings.queue_max);
  return std::min(requests, threads_max) + threads_beside_requests;
}

} // namespace dynamo::apps
