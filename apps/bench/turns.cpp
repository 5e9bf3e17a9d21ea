#include "apps/bench/turns.hpp"

#include <utility>

namespace dynamo::apps {

namespace {

std::vector<double> values_of(const std::vector<figures>& runs,
                              const figure_spec& which) {
  std::vector<double> values;
  for (const figures& run : runs) {
    const auto found = run.find(which.key);
    if (found != run.end()) {
      values.push_back(found->second / which.scale);
    }
  }
  return values;
}

comparison compare(const turns& wanted, std::size_t with,
                   const figure_spec& which,
                   const std::vector<std::vector<figures>>& runs) {
  comparison made;
  made.measure = wanted.measure;
  made.what = wanted.what;
  made.figure = which.label;
  made.unit = which.unit;
  made.which = which.which;
  made.ours_name = wanted.sides.front().name;
  made.ours = values_of(runs.front(), which);
  made.wanted = which.wanted;
  if (with > 0) {
    made.baseline_name = wanted.sides[with].name;
    made.baseline = values_of(runs[with], which);
  }
  return made;
}

} // namespace

result<std::vector<comparison>>
take_turns(const turns& wanted, std::size_t pairs,
           const progress_sink& progress,
           const std::function<bool()>& is_stopping) {
  std::vector<std::vector<figures>> runs(wanted.sides.size());
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    for (std::size_t i = 0; i < wanted.sides.size(); ++i) {
      if (is_stopping && is_stopping()) {
        return error{errc::closed, "interrupted"};
      }
      const side& one = wanted.sides[i];
      progress(wanted.measure + ", " + wanted.what, pair + 1, pairs, one.name);
      auto came_to = one.run();
      if (!came_to) {
        return error{came_to.error().code, wanted.measure + ", " + wanted.what +
                                               ", " + one.name + ": " +
                                               came_to.error().message};
      }
      runs[i].push_back(*std::move(came_to));
    }
  }
  std::vector<comparison> all;
  for (std::size_t i = 0; i < wanted.sides.size(); ++i) {
    for (const figure_spec& which : wanted.sides[i].reported) {
      comparison made = compare(wanted, i, which, runs);
      // What a quick run left out has no figure; what must never be needs one.
      if (!made.ours.empty() || made.wanted) {
        all.push_back(std::move(made));
      }
    }
  }
  return all;
}

} // namespace dynamo::apps
