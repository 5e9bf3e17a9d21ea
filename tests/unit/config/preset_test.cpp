#include "dynamo/config/load.hpp"
#include "dynamo/config/print.hpp"

#include <map>
#include <optional>
#include <string>

#include "support/catch.hpp"

using Catch::Matchers::Contains;
using dynamo::load_options;
using dynamo::load_request;
using dynamo::loaded_options;
using dynamo::router_options;

namespace {

/// What each source says; an empty text is silence.
struct sources {
  std::string file;
  std::map<std::string, std::string> variables;
  std::vector<dynamo::flag_value> flags;
};

load_request request_of(const sources& from) {
  load_request request;
  if (!from.file.empty()) {
    request.file = dynamo::named_text{"w.jsonc", from.file};
  }
  request.variables = [set = from.variables](
                          std::string_view name) -> std::optional<std::string> {
    const auto found = set.find(std::string{name});
    return found == set.end() ? std::nullopt
                              : std::optional<std::string>{found->second};
  };
  request.flags = from.flags;
  return request;
}

loaded_options loaded(const sources& from) {
  auto read = load_options(request_of(from));
  INFO((read ? "" : read.error().message));
  REQUIRE(read);
  return *std::move(read);
}

std::string failure_of(const sources& from) {
  const auto read = load_options(request_of(from));
  REQUIRE_FALSE(read);
  return read.error().message;
}

dynamo::flag_value set(std::string key, std::string text) {
  return {"--set " + key, key, std::move(text)};
}

/// What --print-config shows for compatibility.
std::string shown_compatibility(const loaded_options& all) {
  const std::string text = dynamo::print_options(all);
  const std::string key = "\"compatibility\": \"";
  const std::size_t from = text.find(key) + key.size();
  return text.substr(from, text.find('"', from) - from);
}

const char* const dynamo_file =
    "{\"router\": {\"index\": {\"compatibility\": \"dynamo\"}}}";

} // namespace

TEST_CASE("compatibility dynamo sets all that loses what Dynamo loses") {
  const loaded_options all = loaded({dynamo_file, {}, {}});

  const router_options& router = all.values.router;
  CHECK(router.index.orphans == dynamo::orphan_policy::skip);
  CHECK(router.index.removal == dynamo::removal_policy::cascade);
  CHECK(router.index.conflicts == dynamo::conflict_policy::first);
  CHECK(router.index.incarnations == dynamo::incarnation_policy::none);
  CHECK(all.values.plane.subscriber.bad_events ==
        dynamo::bad_event_policy::drop_message);
  CHECK(router.on_gap == dynamo::gap_policy::reset);
  CHECK(router.freshness.partial_credit == 1);
  CHECK(router.freshness.stale_credit == 1);
  CHECK(all.origins.at("router.index.removal") == "file w.jsonc:1");
  CHECK(all.origins.at("router.on_gap") == "file w.jsonc:1");
  CHECK(all.origins.at("router.index.blocks_max") == "default");
  CHECK(shown_compatibility(all) == "dynamo");
}

TEST_CASE("compatibility ours takes back what a weaker source set") {
  const loaded_options all = loaded(
      {R"({"router": {"on_gap": "reset", "index": {"orphans": "skip"}}})",
       {{"DYN_ROUTER_COMPATIBILITY", "Ours"}},
       {}});

  CHECK(all.values.router.on_gap == dynamo::gap_policy::keep);
  CHECK(all.values.router.index.orphans == dynamo::orphan_policy::hold);
  CHECK(all.origins.at("router.on_gap") ==
        "environment DYN_ROUTER_COMPATIBILITY");
  CHECK(shown_compatibility(all) == "ours");
}

TEST_CASE("a key goes before compatibility wherever it stands in a file") {
  for (const char* file :
       {R"({"router": {"on_gap": "keep", "index": {"orphans": "hold",
            "compatibility": "dynamo"}}})",
        R"({"router": {"index": {"compatibility": "dynamo",
            "orphans": "hold"}, "on_gap": "keep"}})"}) {
    CAPTURE(file);
    const loaded_options all = loaded({file, {}, {}});
    CHECK(all.values.router.on_gap == dynamo::gap_policy::keep);
    CHECK(all.values.router.index.orphans == dynamo::orphan_policy::hold);
    CHECK(all.values.router.index.removal == dynamo::removal_policy::cascade);
    CHECK(shown_compatibility(all) == "mixed");
  }
}

TEST_CASE("a key goes before compatibility wherever it stands among flags") {
  const auto preset = set("router.index.compatibility", "dynamo");
  const auto key = set("router.index.orphans", "hold");
  for (const auto& flags :
       {std::vector{preset, key}, std::vector{key, preset}}) {
    const loaded_options all = loaded({"", {}, flags});
    CHECK(all.values.router.index.orphans == dynamo::orphan_policy::hold);
    CHECK(all.values.router.index.conflicts == dynamo::conflict_policy::first);
    CHECK(all.origins.at("router.index.orphans") ==
          "flag --set router.index.orphans");
  }
}

TEST_CASE("compatibility goes before keys of weaker sources alone") {
  const loaded_options all =
      loaded({R"({"router": {"index": {"orphans": "hold"},
                             "freshness": {"partial_credit": 0.5}}})",
              {{"DYN_ROUTER_COMPATIBILITY", "dynamo"}},
              {set("router.freshness.partial_credit", "0.25")}});
  CHECK(all.values.router.index.orphans == dynamo::orphan_policy::skip);
  CHECK(all.values.router.freshness.partial_credit == 0.25);
  CHECK(shown_compatibility(all) == "mixed");
}

TEST_CASE("what --print-config says of a mixture reads back as the same") {
  const loaded_options all =
      loaded({dynamo_file, {}, {set("router.index.incarnations", "newest")}});
  const loaded_options again = loaded({dynamo::print_options(all), {}, {}});
  CHECK(again.values.router.index.incarnations ==
        dynamo::incarnation_policy::newest);
  CHECK(again.values.router.index.removal == dynamo::removal_policy::cascade);
  CHECK(shown_compatibility(again) == "mixed");
}

TEST_CASE("an unknown compatibility is refused with the ones there are") {
  CHECK(failure_of({"", {}, {set("router.index.compatibility", "vllm")}}) ==
        "flag --set router.index.compatibility: router.index.compatibility: "
        "expected \"ours\", \"dynamo\" or \"mixed\", got \"vllm\"");
}

TEST_CASE("load_aware stands for routing by load alone") {
  const loaded_options all =
      loaded({R"({"router": {"tracking": {"active_blocks": false}}})",
              {{"DYN_ROUTER_LOAD_AWARE", "true"}},
              {}});
  const dynamo::options& values = all.values;
  CHECK_FALSE(values.deployment.kv_events);
  CHECK(values.router.cost.overlap_score_credit == 0);
  CHECK(values.router.cost.shared_cache_multiplier == 0);
  CHECK_FALSE(values.router.tracking.assume_kv_reuse);
  CHECK(values.router.tracking.active_blocks);
  CHECK(values.router.tracking.prefill_tokens);
  CHECK(all.origins.at("kv_events") == "environment DYN_ROUTER_LOAD_AWARE");
  CHECK_THAT(dynamo::print_options(all), Contains("\"load_aware\": true"));
}

TEST_CASE("load_aware false changes nothing, and keys go before true") {
  const loaded_options off = loaded(
      {R"({"kv_events": false})", {}, {set("router.load_aware", "false")}});
  CHECK_FALSE(off.values.deployment.kv_events);
  CHECK(off.values.router.cost.overlap_score_credit == 1);

  const loaded_options on = loaded(
      {"", {}, {set("kv_events", "true"), set("router.load_aware", "1")}});
  CHECK(on.values.deployment.kv_events);
  CHECK(on.values.router.cost.overlap_score_credit == 0);
}

TEST_CASE("an index that cascades must keep first names") {
  CHECK(failure_of({"", {}, {set("router.index.removal", "cascade")}}) ==
        "flag --set router.index.removal: router.index.removal: expected "
        "\"keep\" beside router.index.conflicts \"follow\", its default, got "
        "\"cascade\"; set router.index.conflicts to \"first\" to cascade");
  CHECK(failure_of(
            {dynamo_file, {}, {set("router.index.conflicts", "follow")}}) ==
        "file w.jsonc:1: router.index.removal: expected \"keep\" beside "
        "router.index.conflicts \"follow\", got \"cascade\"; set "
        "router.index.conflicts to \"first\" to cascade");
  CHECK(loaded({"",
                {},
                {set("router.index.removal", "cascade"),
                 set("router.index.conflicts", "first")}})
            .values.router.index.removal == dynamo::removal_policy::cascade);
}
