#include "apps/events/explain.hpp"
#include "dynamo/base/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace dynamo::apps {

namespace {

using nlohmann::json;

constexpr std::size_t field_width_max = 34;

std::string offsets_of(const explained_range& range) {
  return std::to_string(range.start) + ".." + std::to_string(range.end);
}

std::string field_of(const explained_range& range) {
  return std::string(2 * range.depth, ' ') + range.field;
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

void add_section(const explained_section& section,
                 std::vector<std::string>& out) {
  std::size_t offsets_width = 0;
  std::size_t field_width = 0;
  for (const explained_range& each : section.ranges.ranges()) {
    offsets_width = std::max(offsets_width, offsets_of(each).size());
    field_width = std::max(field_width, field_of(each).size());
  }
  field_width = std::min(field_width, field_width_max);
  out.push_back(section.title);
  for (const explained_range& each : section.ranges.ranges()) {
    out.push_back("  " + padded(offsets_of(each), offsets_width) + "  " +
                  padded(field_of(each), field_width) + "  " + each.value);
  }
  if (section.ranges.left_out() > 0) {
    out.push_back("  and " + std::to_string(section.ranges.left_out()) +
                  " more ranges");
  }
}

} // namespace

std::vector<std::string> lines_of(const explanation& explained) {
  std::vector<std::string> out;
  for (const explained_section& each : explained.sections) {
    add_section(each, out);
  }
  for (const std::string& each : explained.summary) {
    out.push_back("= " + each);
  }
  for (const std::string& each : explained.notes) {
    out.push_back("note: " + each);
  }
  for (const std::string& each : explained.problems) {
    out.push_back("damaged: " + each);
  }
  return out;
}

nlohmann::json json_of(const explanation& explained) {
  json sections = json::array();
  for (const explained_section& section : explained.sections) {
    json ranges = json::array();
    for (const explained_range& each : section.ranges.ranges()) {
      ranges.push_back({{"start", each.start},
                        {"end", each.end},
                        {"depth", each.depth},
                        {"field", each.field},
                        {"value", each.value}});
    }
    sections.push_back({{"title", section.title},
                        {"ranges", ranges},
                        {"left_out", section.ranges.left_out()}});
  }
  return {{"form", to_string(explained.form)},
          {"decodes", explained.problems.empty()},
          {"sections", sections},
          {"summary", explained.summary},
          {"notes", explained.notes},
          {"problems", explained.problems}};
}

} // namespace dynamo::apps
