#include "apps/events/event_text.hpp"

#include "dynamo/base/ids.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace dynamo::apps {

namespace {

// 9999-12-31: what a peer sends may be beyond every calendar.
constexpr std::uint64_t calendar_end_ms = 253'402'300'799'999;

std::string formatted(std::uint64_t unix_ms, const char* format) {
  if (unix_ms > calendar_end_ms) {
    return std::to_string(unix_ms) + " ms";
  }
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t length =
      std::strftime(text.data(), text.size(), format, &parts);
  std::array<char, 8> milliseconds{};
  std::snprintf(milliseconds.data(), milliseconds.size(), ".%03u",
                static_cast<unsigned>(unix_ms % 1000));
  return std::string{text.data(), length} + milliseconds.data();
}

std::string rank_text(std::uint64_t worker_id, std::uint64_t dp_rank) {
  return "worker " + std::to_string(worker_id) + "/" + std::to_string(dp_rank);
}

/// The first hashes of a list, so that a line stays a line.
std::string first_hashes(const std::vector<std::uint64_t>& hashes) {
  constexpr std::size_t shown_max = 2;
  std::string text;
  for (std::size_t i = 0; i < hashes.size() && i < shown_max; ++i) {
    text += " " + id_to_hex(hashes[i]);
  }
  return text + (hashes.size() > shown_max ? " .." : "");
}

struct change_text {
  std::string operator()(const kv_stored& stored) const {
    std::string text = "stored " + counted(stored.blocks.size(), "block");
    text += stored.parent_hash ? " below " + id_to_hex(*stored.parent_hash)
                               : std::string{" at the root"};
    if (!stored.blocks.empty()) {
      text += ", from " + id_to_hex(stored.blocks.front().block_hash);
    }
    return text;
  }
  std::string operator()(const kv_removed& removed) const {
    const auto& hashes = removed.block_hashes;
    return "removed " + counted(hashes.size(), "block") +
           (hashes.empty() ? "" : ":" + first_hashes(hashes));
  }
  std::string operator()(const kv_cleared&) const { return "cleared"; }
};

std::string line_of(const router_event& each) {
  std::string text = std::visit(change_text{}, each.event.data);
  text += " (" + rank_text(each.worker_id, each.event.dp_rank) + ", " +
          std::string{to_string(each.tier)} + ", event " +
          std::to_string(each.event.event_id);
  if (each.domain && *each.domain != residency_domain::worker) {
    text += ", domain " + std::string{to_string(*each.domain)};
  }
  return text + ")";
}

struct step_text {
  std::string operator()(const add_request& request) const {
    std::string text = "added";
    if (request.token_sequence) {
      text += ", " + counted(request.token_sequence->size(), "block");
    }
    if (request.expected_output_tokens) {
      text += ", " + counted(*request.expected_output_tokens, "output token") +
              " expected";
    }
    return text;
  }
  std::string operator()(const free_request&) const { return "freed"; }
  std::string operator()(const mark_prefill_completed&) const {
    return "prefill completed";
  }
};

struct state_text {
  std::string operator()(const sequence_summary& summary) const {
    return "has " + counted(summary.requests, "request") + ", digest " +
           id_to_hex(summary.digest);
  }
  std::string operator()(const sequence_wanted& wanted) const {
    return "wants a snapshot of router " + id_to_hex(wanted.owner);
  }
  std::string operator()(const sequence_snapshot& part) const {
    return "has, by snapshot " + std::to_string(part.number) + ", part " +
           std::to_string(std::uint64_t{part.part} + 1) + " of " +
           std::to_string(part.parts) + ", " +
           counted(part.requests.size(), "request");
  }
};

struct lines {
  using texts = std::vector<std::string>;

  texts operator()(const kv_events& events) const {
    texts all;
    for (const router_event& each : events) {
      all.push_back(line_of(each));
    }
    return all.empty() ? texts{"no kv events"} : all;
  }

  texts operator()(const active_load& load) const {
    std::string text;
    const auto add = [&text](const std::optional<std::uint64_t>& value,
                             std::string_view what) {
      if (value) {
        text += (text.empty() ? "" : ", ") + std::to_string(*value) + " " +
                std::string{what};
      }
    };
    add(load.kv_used_blocks, "blocks used");
    add(load.active_decode_blocks, "decode blocks");
    add(load.active_prefill_tokens, "prefill tokens");
    return {"load: " + (text.empty() ? std::string{"no news"} : text) + " (" +
            rank_text(load.worker_id, load.dp_rank) + ")"};
  }

  texts operator()(const active_sequence_events& events) const {
    texts all;
    for (const active_sequence_event& each : events) {
      all.push_back("request " + printable(each.request_id) + " " +
                    std::visit(step_text{}, each.data) + " (" +
                    rank_text(each.worker.worker_id, each.worker.dp_rank) +
                    ", router " + id_to_hex(each.router_id) + ")");
    }
    return all.empty() ? texts{"no sequence events"} : all;
  }

  texts operator()(const session_affinity_update& update) const {
    const std::string worker =
        update.dp_rank ? rank_text(update.worker_id, *update.dp_rank)
                       : "worker " + std::to_string(update.worker_id);
    return {"session " + printable(update.session_id) + " stays with " +
            worker + " (router " + id_to_hex(update.router_id) + ")"};
  }

  texts operator()(const forward_pass_metrics& pass) const {
    std::array<char, 32> wall{};
    std::snprintf(wall.data(), wall.size(), "%.6g", pass.wall_time);
    return {"pass " + std::to_string(pass.counter_id) + ": " + wall.data() +
            " s, " + std::to_string(pass.scheduled.num_prefill_requests) +
            " prefills, " + std::to_string(pass.scheduled.num_decode_requests) +
            " decodes, " +
            std::to_string(pass.queued.num_prefill_requests +
                           pass.queued.num_decode_requests) +
            " queued (worker " + printable(pass.worker_id) + "/" +
            std::to_string(pass.dp_rank) + ")"};
  }

  texts operator()(const sequence_state& state) const {
    return {"router " + id_to_hex(state.router_id) + " " +
            std::visit(state_text{}, state.data)};
  }

  texts operator()(const raw_event& raw) const {
    constexpr std::size_t shown_max = 16;
    const byte_view bytes{raw.payload};
    const byte_view first = bytes.first(std::min(bytes.size(), shown_max));
    return {counted(bytes.size(), "byte") +
            (bytes.empty() ? "" : ": " + to_hex(first)) +
            (bytes.size() > shown_max ? " .." : "")};
  }
};

} // namespace

std::string printable(std::string_view text, std::size_t size_max) {
  const bool cut = text.size() > size_max;
  text = text.substr(0, size_max);
  // A cut may split a character: then its bytes are shown one by one.
  const bool plain = is_utf8(text);
  std::string out;
  for (const char each : text) {
    const auto byte = static_cast<std::uint8_t>(each);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !plain)) {
      out += "\\x" + to_hex({&byte, 1});
    } else {
      out += each;
    }
  }
  return out + (cut ? ".." : "");
}

std::string time_of_day(std::uint64_t unix_ms) {
  return formatted(unix_ms, "%H:%M:%S");
}

std::string date_and_time(std::uint64_t unix_ms) {
  return formatted(unix_ms, "%Y-%m-%d %H:%M:%S") + " UTC";
}

std::string counted(std::uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string{noun} +
         (count == 1 ? "" : "s");
}

std::vector<std::string> lines_of(const event& value) {
  return std::visit(lines{}, value);
}

} // namespace dynamo::apps
