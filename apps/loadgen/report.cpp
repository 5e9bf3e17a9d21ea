#include "apps/loadgen/report.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace dynamo::apps {

namespace {

constexpr double percents = 100;

/// A figure with so many decimals, and its unit.
std::string figure(double value, int decimals, std::string_view unit = "") {
  std::array<char, 64> digits{};
  std::snprintf(digits.data(), digits.size(), "%.*f", decimals, value);
  return digits.data() + std::string{unit};
}

std::string share(const block_counts& blocks) {
  return figure(percents * hit_rate_of(blocks), 1, " %");
}

std::string figure(std::uint64_t value) {
  return std::to_string(value);
}

std::string policy_table(const policy_summary& each,
                         const block_counts& ideal) {
  return layout({
      {"policy", std::string{to_string(each.policy)}},
      {"  requests", figure(each.requests)},
      {"  failed", figure(each.failed)},
      {"  retries", figure(each.retries)},
      {"  blocks asked", figure(each.blocks.asked)},
      {"  blocks reused", figure(each.blocks.reused)},
      {"  hit rate", share(each.blocks)},
      {"  ideal hit rate", share(ideal)},
      {"  first token, p50", figure(each.time_to_first_token_ms_p50, 1, " ms")},
      {"  first token, p99", figure(each.time_to_first_token_ms_p99, 1, " ms")},
      {"  load, max / mean", figure(each.load_balance, 2)},
      {"  ranks", figure(std::uint64_t{each.ranks})},
      {"  latest start", std::to_string(each.late_max.count()) + " ms behind"},
  });
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
  for (const policy_summary& each : report.policies) {
    text += policy_table(each, report.ideal) + '\n';
  }
  text += stream_table(report.streams);
  return text + "unaccounted events: " +
         std::to_string(unaccounted_events(report.streams));
}

std::string to_json(const replay_report& report) {
  using json = nlohmann::ordered_json;
  json policies = json::object();
  for (const policy_summary& each : report.policies) {
    policies[std::string{to_string(each.policy)}] = {
        {"requests", each.requests},
        {"failed", each.failed},
        {"retries", each.retries},
        {"hit_rate", each.hit_rate},
        {"ttft_ms_p50", each.time_to_first_token_ms_p50},
        {"ttft_ms_p99", each.time_to_first_token_ms_p99},
        {"load_balance", each.load_balance},
        {"ranks", each.ranks},
        {"blocks_reused", each.blocks.reused},
        {"blocks_asked", each.blocks.asked},
        {"late_ms_max", each.late_max.count()}};
  }
  json streams = json::array();
  for (const stream_account& each : report.streams) {
    streams.push_back(
        {{"publisher_id", each.publisher_id},
         {"topic", each.topic},
         {"worker_id", each.worker_id == 0 ? json() : json(each.worker_id)},
         {"published", each.published},
         {"received", each.received},
         {"dropped", each.dropped},
         {"lost", each.lost},
         {"lost_at_end", each.lost_at_end},
         {"unaccounted", each.unaccounted()},
         {"ended", each.has_left ? json("left") : json()}});
  }
  const json document = {
      {"requests", report.requests},
      {"interrupted", report.is_interrupted},
      {"policies", std::move(policies)},
      {"ideal_hit_rate", hit_rate_of(report.ideal)},
      {"streams", std::move(streams)},
      {"unaccounted_events", unaccounted_events(report.streams)}};
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace dynamo::apps
