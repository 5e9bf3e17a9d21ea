#include "apps/bench/comparison.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace dynamo::apps {

namespace {

nlohmann::json spread_json(const std::vector<double>& values) {
  const spread all = spread_of(values);
  return {{"min", all.min}, {"median", all.median}, {"max", all.max}};
}

std::string number_text(double value) {
  char text[32];
  if (value != 0 && (value < 0.01 || value >= 1e6)) {
    std::snprintf(text, sizeof text, "%.3g", value);
  } else {
    std::snprintf(text, sizeof text, value < 100 ? "%.2f" : "%.0f", value);
  }
  return text;
}

std::string target_text(const comparison& one) {
  if (!one.wanted) {
    return "";
  }
  const std::string bound = (one.which == better::higher ? ">= " : "<= ") +
                            number_text(one.wanted->bound);
  return bound + (*one.is_met() ? " met" : " MISSED");
}

std::string ratio_text(const comparison& one) {
  const auto ratios = one.ratios();
  if (ratios.empty()) {
    return "";
  }
  const spread all = spread_of(ratios);
  return number_text(all.median) + " (" + number_text(all.min) + "-" +
         number_text(all.max) + ")";
}

/// At most 80 columns.
std::string line_of(const comparison& one) {
  char text[128];
  std::snprintf(
      text, sizeof text, "    %-22s %8s %-6s %-19s %s", one.figure.c_str(),
      number_text(spread_of(one.ours).median).c_str(), one.unit.c_str(),
      ratio_text(one).c_str(), target_text(one).c_str());
  std::string line = text;
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

/// What stands above the lines of one case with one baseline.
std::string heading_of(const comparison& one) {
  return "  " + one.what +
         (one.baseline.empty() ? "" : ", to " + one.baseline_name) + "\n";
}

} // namespace

spread spread_of(std::vector<double> values) {
  if (values.empty()) {
    return {};
  }
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  const double median = values.size() % 2 == 1
                            ? values[middle]
                            : (values[middle - 1] + values[middle]) / 2;
  return {values.front(), median, values.back()};
}

std::vector<double> comparison::ratios() const {
  std::vector<double> all;
  for (std::size_t i = 0; i < std::min(ours.size(), baseline.size()); ++i) {
    if (baseline[i] != 0) {
      all.push_back(ours[i] / baseline[i]);
    }
  }
  return all;
}

std::optional<bool> comparison::is_met() const {
  if (!wanted) {
    return std::nullopt;
  }
  const auto values = wanted->is_of_ratio ? ratios() : ours;
  if (values.empty()) {
    return false;
  }
  const spread all = spread_of(values);
  if (wanted->is_of_every_run) {
    return which == better::higher ? all.min >= wanted->bound
                                   : all.max <= wanted->bound;
  }
  return which == better::higher ? all.median >= wanted->bound
                                 : all.median <= wanted->bound;
}

nlohmann::json to_json(const comparison& one) {
  nlohmann::json json{
      {"measure", one.measure},
      {"case", one.what},
      {"figure", one.figure},
      {"unit", one.unit},
      {"better", one.which == better::higher ? "higher" : "lower"},
      {"name", one.ours_name},
      {"values", one.ours},
      {"median", spread_of(one.ours).median}};
  if (!one.baseline.empty()) {
    json["baseline"] = {{"name", one.baseline_name},
                        {"values", one.baseline},
                        {"median", spread_of(one.baseline).median}};
    json["ratio"] = spread_json(one.ratios());
  }
  if (one.wanted) {
    json["target"] = {{"bound", one.wanted->bound},
                      {"of", one.wanted->is_of_ratio ? "ratio" : "figure"},
                      {"met", *one.is_met()}};
  }
  return json;
}

std::string table_of(const std::vector<comparison>& all) {
  std::string text;
  std::string measure;
  std::string heading;
  for (const comparison& one : all) {
    if (one.measure != measure) {
      measure = one.measure;
      text += "\n" + measure + "\n";
    }
    if (heading_of(one) != heading) {
      heading = heading_of(one);
      text += heading;
    }
    text += line_of(one);
  }
  return text;
}

} // namespace dynamo::apps
