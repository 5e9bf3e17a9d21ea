#include "apps/app/application.hpp"
#include "apps/events/commands.hpp"
#include "apps/events/event_text.hpp"
#include "apps/events/record_table.hpp"
#include "dynamo/discovery/open.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <utility>

namespace dynamo::apps {

namespace {

constexpr std::size_t changes_at_a_time = 256;
// How late a change is printed at most.
constexpr std::chrono::milliseconds look_interval{50};

result<std::unique_ptr<discovery>> open_discovery(application& app) {
  const discovery_options& wanted = app.settings().plane.discovery;
  if (wanted.backend == discovery_kind::memory) {
    return error{errc::unsupported,
                 "discovery: mem is known within its own process only"};
  }
  return make_discovery(
      wanted, [&app](const std::string& text) { app.log().warn("{}", text); },
      app.stop_check());
}

std::vector<bucket> buckets_of(const std::string& name) {
  std::vector<bucket> wanted;
  for (const bucket each : buckets) {
    if (name == "all" || name == name_of(each)) {
      wanted.push_back(each);
    }
  }
  return wanted;
}

status list_once(application& app, discovery& store, bucket where) {
  auto found = store.list(where);
  if (!found) {
    return found.error();
  }
  if (app.out().mode() == output_mode::readable) {
    for (const std::string& line : table_of(where, *std::move(found))) {
      app.out().line(line);
    }
    return ok();
  }
  for (const found_record& each : *found) {
    nlohmann::json fields = json_of(where, each.key, each.value);
    fields["age_ms"] = each.age.count();
    app.out().event("record", fields, "");
  }
  return ok();
}

/// Prints what changes, with the record that was there before.
class watch_printer {
 public:
  explicit watch_printer(application& app)
      : app_(app) {}

  void operator()(const record_put& change) {
    const auto [at, is_new] =
        known_[change.where].insert_or_assign(change.key, change.value);
    print(is_new ? "record_added" : "record_changed", is_new ? "+ " : "~ ",
          change.where, at->first, change.value);
  }

  void operator()(const record_deleted& change) {
    const auto at = known_[change.where].find(change.key);
    if (at == known_[change.where].end()) {
      return;
    }
    print("record_removed", "- ", change.where, at->first, at->second);
    known_[change.where].erase(at);
  }

  void operator()(const watch_synced& change) {
    say("watch_synced", {{"bucket", name_of(change.where)}},
        "  " + std::string{name_of(change.where)} + " in sync, " +
            counted(known_[change.where].size(), "record"));
  }

  void operator()(const watch_stale& change) {
    say("watch_stale",
        {{"bucket", name_of(change.where)}, {"reason", change.reason}},
        "! " + std::string{name_of(change.where)} +
            " cannot be seen: " + printable(change.reason, 256));
  }

 private:
  void print(std::string_view name, const std::string& mark, bucket where,
             const std::string& key, const record& value) {
    say(name, json_of(where, key, value), mark + line_of(where, value));
  }

  void say(std::string_view name, const nlohmann::json& fields,
           const std::string& text) {
    const auto now = app_.clock().unix_time().count();
    app_.out().event(name, fields,
                     time_of_day(static_cast<std::uint64_t>(now)) + " " + text);
  }

  application& app_;
  std::map<bucket, std::map<std::string, record>> known_;
};

status watch(application& app, discovery& store,
             const std::vector<bucket>& wanted) {
  const auto changes = std::make_shared<discovery_inbox>(
      inbox_limits{100'000, 64 * 1024 * 1024, overflow_policy::drop_newest});
  for (const bucket each : wanted) {
    // Looking now and then is quick enough for people.
    const status watched = store.watch(each, changes, [] {});
    if (!watched) {
      return watched;
    }
  }
  if (app.out().mode() == output_mode::json_lines) {
    app.started(nlohmann::json::object());
  }
  watch_printer print{app};
  std::vector<inbox_item<discovery_change>> batch;
  do {
    batch.clear();
    changes->drain(batch, changes_at_a_time);
    for (const auto& each : batch) {
      std::visit(print, each.value);
    }
  } while (batch.size() == changes_at_a_time
               ? !app.stopping()
               : !app.wait_for_stop(look_interval));
  return ok();
}

} // namespace

status run_list(application& app, const list_command& wanted) {
  auto store = open_discovery(app);
  if (!store) {
    return store.error();
  }
  const std::vector<bucket> chosen = buckets_of(wanted.bucket);
  if (wanted.watch) {
    return watch(app, **store, chosen);
  }
  for (const bucket each : chosen) {
    const status listed = list_once(app, **store, each);
    if (!listed) {
      return listed;
    }
  }
  return ok();
}

} // namespace dynamo::apps
