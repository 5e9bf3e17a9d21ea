#include "apps/router/router_metrics.hpp"

#include "apps/router/metric_families.hpp"

#include <prometheus/text_serializer.h>

#include <utility>

namespace dynamo::apps {

namespace {

prometheus::MetricFamily family_of(const prometheus::Histogram& histogram,
                                   const char* name, const char* help) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = prometheus::MetricType::Histogram;
  family.metric.push_back(histogram.Collect());
  return family;
}

} // namespace

router_metrics::router_metrics(actors::event_plane& plane,
                               actors::routing& routing)
    : plane_(plane)
    , routing_(routing)
    , answer_seconds_({0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                       0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60})
    , hit_rate_({0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1}) {}

void router_metrics::observe_answer(clock::duration took) {
  answer_seconds_.Observe(std::chrono::duration<double>{took}.count());
}

void router_metrics::observe_choice(const route_choice& choice) {
  if (choice.request_blocks > 0) {
    hit_rate_.Observe(static_cast<double>(choice.overlap_blocks) /
                      static_cast<double>(choice.request_blocks));
  }
}

std::vector<prometheus::MetricFamily> router_metrics::Collect() const {
  const auto report = routing_.report();
  auto all = metric_families(report ? *report : actors::router_report{},
                             plane_.report());
  all.push_back(family_of(answer_seconds_, "dynamo_events_router_route_seconds",
                          "Time that POST /route took, waiting included"));
  all.push_back(family_of(hit_rate_, "dynamo_component_router_kv_hit_rate",
                          "Part of a prompt that the chosen worker held"));
  return all;
}

std::string router_metrics::text() const {
  return prometheus::TextSerializer{}.Serialize(Collect());
}

} // namespace dynamo::apps
