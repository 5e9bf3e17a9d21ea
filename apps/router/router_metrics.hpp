#pragma once

#include "actors/event_plane.hpp"
#include "actors/routing.hpp"
#include "dynamo/base/clock.hpp"

#include <prometheus/collectable.h>
#include <prometheus/histogram.h>

#include <string>
#include <vector>

namespace dynamo::apps {

/// What GET /metrics shows: put together when it is asked for, out of the
/// reports of router and plane, and of what `observe` was told. Thread-safe.
/// What is given outlives it.
class router_metrics final : public prometheus::Collectable {
 public:
  router_metrics(actors::event_plane& plane, actors::routing& routing);

  /// A request for a worker was answered.
  void observe_answer(clock::duration took);
  /// A worker was found that holds so much of the prompt.
  void observe_choice(const route_choice& choice);

  /// Without the router's part when it does not answer.
  std::vector<prometheus::MetricFamily> Collect() const override;

  /// In Prometheus's text format.
  std::string text() const;

 private:
  actors::event_plane& plane_;
  actors::routing& routing_;
  prometheus::Histogram answer_seconds_;
  prometheus::Histogram hit_rate_;
};

} // namespace dynamo::apps
