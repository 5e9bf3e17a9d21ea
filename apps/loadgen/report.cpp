#include "apps/loadgen/report.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace dynamo::apps {

namespace {

using nlohmann::ordered_json;

constexpr double percents = 100;

/// A figure with so many decimals.
std::string figure(double value, int decimals) {
  std::array<char, 64> digits{};
  std::snprintf(digits.data(), digits.size(), "%.*f", decimals, value);
  return digits.data();
}

std::string percentage(const block_counts& blocks) {
  return blocks.asked == 0 ? "-" : figure(percents * hit_rate_of(blocks), 1);
}

std::string seconds(double milliseconds, int decimals) {
  constexpr double milliseconds_per_second = 1000;
  return figure(milliseconds / milliseconds_per_second, decimals);
}

std::string figure(std::uint64_t value) {
  return std::to_string(value);
}

std::string policy_table(const replay_report& report) {
  std::vector<std::vector<std::string>> rows{
      {"policy", "hit %", "ideal", "ideal", "p50 s", "p99 s", "load", "load",
       "failed", "retry"},
      {"", "", "caches", "endless", "", "", "tokens", "reqs", "", ""}};
  for (const policy_summary& each : report.policies) {
    rows.push_back(
        {std::string{to_string(each.policy)}, percentage(each.blocks),
         percentage(report.ideal_caches), percentage(report.ideal),
         seconds(each.time_to_first_token_ms_p50, 3),
         seconds(each.time_to_first_token_ms_p99, 2),
         figure(each.imbalance_tokens, 2), figure(each.imbalance_requests, 2),
         figure(each.failed), figure(each.retries)});
  }
  return layout(rows);
}

/// What the table has no room for.
std::string remarks(const replay_report& report) {
  std::string text =
      "hit: prompt blocks found in the cache; ideal: with full knowledge of "
      "these\ncaches, and of one without bounds; p50, p99: time to the first "
      "token; load: the\nbusiest rank to the mean, in prompt tokens computed "
      "and in requests\n";
  for (const policy_summary& each : report.policies) {
    text += std::string{to_string(each.policy)} + ": " + figure(each.requests) +
            " requests, " + figure(each.blocks.reused) + " of " +
            figure(each.blocks.asked) + " blocks, " +
            figure(std::uint64_t{each.ranks}) + " ranks, at most " +
            std::to_string(each.late_max.count()) + " ms late" +
            (each.had_empty_caches ? "" : ", caches not cleared") + '\n';
  }
  return text;
}

std::string stream_table(const std::vector<stream_account>& streams) {
  std::vector<std::vector<std::string>> rows{
      {"topic", "publisher", "published", "received", "dropped", "lost", ""}};
  for (const stream_account& each : streams) {
    rows.push_back({each.topic, figure(each.publisher_id),
                    figure(each.published), figure(each.received),
                    figure(each.dropped), figure(each.lost),
                    each.has_left ? "left" : ""});
  }
  return layout(rows);
}

} // namespace

std::string layout(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      line += i == 0 ? row[i] + padding : "  " + padding + row[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

std::string to_text(const replay_report& report) {
  std::string text;
  if (report.is_interrupted) {
    text += "interrupted: these are the requests that ended\n\n";
  }
  text += policy_table(report) + remarks(report) + '\n' +
          stream_table(report.streams);
  return text + "unaccounted events: " +
         std::to_string(unaccounted_events(report.streams));
}

std::string to_json(const replay_report& report) {
  const auto rate_of = [](const block_counts& blocks) {
    return blocks.asked == 0 ? ordered_json()
                             : ordered_json(hit_rate_of(blocks));
  };
  ordered_json policies = ordered_json::object();
  for (const policy_summary& each : report.policies) {
    policies[std::string{to_string(each.policy)}] = {
        {"requests", each.requests},
        {"failed", each.failed},
        {"retries", each.retries},
        {"hit_rate", each.hit_rate},
        {"ttft_ms_p50", each.time_to_first_token_ms_p50},
        {"ttft_ms_p99", each.time_to_first_token_ms_p99},
        {"imbalance_tokens", each.imbalance_tokens},
        {"imbalance_requests", each.imbalance_requests},
        {"ranks", each.ranks},
        {"blocks_reused", each.blocks.reused},
        {"blocks_asked", each.blocks.asked},
        {"late_ms_max", each.late_max.count()},
        {"had_empty_caches", each.had_empty_caches}};
  }
  ordered_json streams = ordered_json::array();
  for (const stream_account& each : report.streams) {
    streams.push_back(
        {{"publisher_id", each.publisher_id},
         {"topic", each.topic},
         {"worker_id",
          each.worker_id == 0 ? ordered_json() : ordered_json(each.worker_id)},
         {"published", each.published},
         {"received", each.received},
         {"dropped", each.dropped},
         {"lost", each.lost},
         {"lost_at_end", each.lost_at_end},
         {"unaccounted", each.unaccounted()},
         {"ended", each.has_left ? ordered_json("left") : ordered_json()}});
  }
  const ordered_json document = {
      {"requests", report.requests},
      {"interrupted", report.is_interrupted},
      {"policies", std::move(policies)},
      {"ideal_hit_rate", rate_of(report.ideal)},
      {"ideal_hit_rate_caches", rate_of(report.ideal_caches)},
      {"streams", std::move(streams)},
      {"unaccounted_events", unaccounted_events(report.streams)}};
  return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

} // namespace dynamo::apps
