#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace dynamo::apps {

enum class better { higher, lower };

/// The least, the middle and the largest of some numbers.
struct spread {
  double min = 0;
  double median = 0;
  double max = 0;
};

spread spread_of(std::vector<double> values);

/// What a figure has to reach: a bound of the ratio to the baseline, or of the
/// figure itself.
struct target {
  double bound = 0;
  bool is_of_ratio = true;
  /// Not of the median, but of each run: what must never be.
  bool is_of_every_run = false;
};

/// Of what must never happen: losses, wrong answers.
inline constexpr target never{0, false, true};

/// One figure of one case, ours beside a baseline's, taken in turn.
struct comparison {
  /// "end-to-end", and "zmq, 200 B".
  std::string measure;
  std::string what;
  /// "rate", "publisher CPU", and its unit.
  std::string figure;
  std::string unit;
  better which = better::higher;
  std::string ours_name;
  /// Empty: there is none.
  std::string baseline_name;
  /// One value a pair; equally many of both.
  std::vector<double> ours;
  std::vector<double> baseline;
  std::optional<target> wanted;

  /// Pair by pair; nothing where a baseline is 0 or there is none.
  std::vector<double> ratios() const;

  /// Nothing without a target.
  std::optional<bool> is_met() const;
};

nlohmann::json to_json(const comparison& one);

/// For people, in 80 columns: under each measure its cases, under each case its
/// figures, ours, their ratio (median, least and largest), the target.
std::string table_of(const std::vector<comparison>& all);

} // namespace dynamo::apps
