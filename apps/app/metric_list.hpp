#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dynamo::apps {

/// Metric families in the making. A family is begun, then gets its values.
class metric_list {
 public:
  using labels = std::vector<prometheus::ClientMetric::Label>;

  void begin_counter(std::string name, std::string_view help) {
    begin(std::move(name), help, prometheus::MetricType::Counter);
  }
  void begin_gauge(std::string name, std::string_view help) {
    begin(std::move(name), help, prometheus::MetricType::Gauge);
  }

  /// Of the family that was begun last.
  template <class Number>
  void add(Number value, labels of = {}) {
    prometheus::ClientMetric metric;
    metric.label = std::move(of);
    // Which of the two counts is the family's type.
    metric.counter.value = static_cast<double>(value);
    metric.gauge.value = static_cast<double>(value);
    families_.back().metric.push_back(std::move(metric));
  }

  std::vector<prometheus::MetricFamily> take() { return std::move(families_); }

 private:
  void begin(std::string name, std::string_view help,
             prometheus::MetricType type) {
    prometheus::MetricFamily family;
    family.name = std::move(name);
    family.help = help;
    family.type = type;
    families_.push_back(std::move(family));
  }

  std::vector<prometheus::MetricFamily> families_;
};

} // namespace dynamo::apps
