#pragma once

#include "apps/bench/comparison.hpp"
#include "dynamo/base/error.hpp"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace dynamo::apps {

/// What one run of one side came to.
using figures = std::map<std::string, double, std::less<>>;

/// A figure that is reported, and what is asked of it.
struct figure_spec {
  /// In `figures`.
  std::string key;
  std::string label;
  std::string unit;
  better which = better::higher;
  std::optional<target> wanted = std::nullopt;
  /// Divides the figure for the report: 1e3 shows thousands.
  double scale = 1;
};

/// One of those that take turns.
struct side {
  std::string name;
  std::function<result<figures>()> run;
  /// Of ours, beside this one; of ours alone for the first side.
  std::vector<figure_spec> reported;
};

/// One case of a measure: the first side is ours.
struct turns {
  std::string measure;
  std::string what;
  std::vector<side> sides;
};

/// Told before each run: what, and which of how many.
using progress_sink =
    std::function<void(const std::string& what, std::size_t pair,
                       std::size_t pairs, const std::string& side)>;

/// Runs all sides one after the other, `pairs` times over. Fails when a side
/// does; its name stands in front. errc::closed when it `is_stopping`.
result<std::vector<comparison>>
take_turns(const turns& wanted, std::size_t pairs,
           const progress_sink& progress,
           const std::function<bool()>& is_stopping = {});

} // namespace dynamo::apps
