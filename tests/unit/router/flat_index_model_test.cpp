#include "dynamo/router/flat_index.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/sample_size.hpp"
#include "unit/router/flat_model.hpp"

using namespace dynamo;
using dynamo::testing::flat_model;

namespace {

using path = flat_model::path;

/// Whether a name always stands for one path, as engines name blocks; whether
/// engines differ in that; whether names mean nothing.
enum class naming { unique, by_rank, colliding };

/// One step of a test.
struct step {
  enum class kind { event, forget, tidy } what = kind::event;
  worker_rank rank;
  storage_tier tier = storage_tier::device;
  std::optional<residency_domain> domain;
  kv_cache_event event;
  path query;
};

/// Random steps over few hashes, so that they meet.
class step_source {
 public:
  step_source(std::uint64_t seed, naming names)
      : random_(seed)
      , names_(names) {}

  step next() {
    step made;
    made.rank = {1 + below(4), static_cast<std::uint32_t>(below(2))};
    if (below(3) == 0)
      made.tier = static_cast<storage_tier>(below(4));
    if (below(8) == 0)
      made.domain = below(2) == 0 ? residency_domain::worker
                                  : residency_domain::cache_owner;
    const std::uint64_t kind = below(100);
    if (kind < 2)
      made.what = step::kind::forget;
    else if (kind < 5)
      made.what = step::kind::tidy;
    else if (kind < 65)
      made.event.data = stored(made.rank);
    else if (kind < 97)
      made.event.data = removed(made.rank);
    else
      made.event.data = kv_cleared{};
    // Engines that start again say the same again.
    if (below(8) == 0) {
      made.rank = before_.rank;
      made.tier = before_.tier;
      made.event = before_.event;
    }
    before_ = made;
    made.query = some_path(7);
    return made;
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  path some_path(std::uint64_t size_max) {
    path where(below(size_max + 1));
    for (std::uint64_t& local : where)
      local = below(3);
    return where;
  }

  std::uint64_t name_of(const path& where, const worker_rank& rank) {
    if (names_ == naming::colliding && below(6) == 0)
      return below(40);
    std::uint64_t name = 1;
    if (names_ == naming::by_rank)
      name += rank.worker_id % 2 * 100'000;
    for (const std::uint64_t local : where)
      name = name * 3 + local;
    return name;
  }

  kv_stored stored(const worker_rank& rank) {
    kv_stored made;
    path where = some_path(4);
    if (!where.empty())
      made.parent_hash = name_of(where, rank);
    for (std::uint64_t i = 0, count = below(5); i < count; ++i) {
      where.push_back(below(3));
      made.blocks.push_back({name_of(where, rank), where.back(), {}});
    }
    return made;
  }

  kv_removed removed(const worker_rank& rank) {
    kv_removed made;
    for (std::uint64_t i = 0, count = 1 + below(3); i < count; ++i)
      made.block_hashes.push_back(name_of(some_path(6), rank));
    return made;
  }

  std::mt19937_64 random_;
  naming names_;
  step before_;
};

std::string text_of(const step& one) {
  std::ostringstream text;
  text << one.rank.worker_id << '/' << one.rank.dp_rank;
  if (one.what != step::kind::event) {
    text << (one.what == step::kind::forget ? " forget" : " tidy");
    return text.str();
  }
  text << ' ' << to_string(one.tier);
  if (one.domain)
    text << ' ' << to_string(*one.domain);
  if (const auto* stored = std::get_if<kv_stored>(&one.event.data)) {
    text << " stored below ";
    if (stored->parent_hash)
      text << *stored->parent_hash;
    for (const kv_block& block : stored->blocks)
      text << ", " << block.block_hash << '=' << block.tokens_hash;
  } else if (const auto* gone = std::get_if<kv_removed>(&one.event.data)) {
    text << " removed";
    for (const std::uint64_t name : gone->block_hashes)
      text << ' ' << name;
  } else {
    text << " cleared";
  }
  text << "; query";
  for (const std::uint64_t local : one.query)
    text << ' ' << local;
  return text.str();
}

/// An index and its model side by side; each check says what is wrong, or
/// nothing.
class pair_of_both {
 public:
  using tally = std::map<apply_outcome, std::uint64_t>;

  pair_of_both(conflict_policy conflicts, tally& outcomes)
      : index_({.conflicts = conflicts})
      , model_(conflicts)
      , outcomes_(outcomes) {}

  std::string take(const step& one) {
    if (one.what == step::kind::tidy) {
      index_.tidy(2);
    } else if (one.what == step::kind::forget) {
      index_.remove_rank(one.rank);
      model_.forget(one.rank);
    } else {
      const auto ours =
          index_.apply(one.rank, one.event, one.tier, one.domain).outcome;
      if (ours != model_.apply(one.rank, one.event, one.tier, one.domain))
        return "outcome";
      ++outcomes_[ours];
    }
    return check_matches(one.query);
  }

  std::string check_contents(bool is_ordered) {
    for (const worker_rank& rank : all_ranks()) {
      std::set<flat_model::held> held;
      tier_counts counts{};
      std::set<std::pair<storage_tier, std::uint64_t>> out;
      const auto dump = index_.dump(rank);
      std::set<std::pair<storage_tier, std::uint64_t>> names;
      for (const held_block& block : dump)
        names.emplace(block.tier, block.block_hash);
      for (const held_block& block : dump) {
        const auto tier = static_cast<std::size_t>(block.tier);
        held.emplace(tier, block.block_hash, block.tokens_hash,
                     block.parent_hash);
        ++counts[tier];
        if (is_ordered && block.parent_hash &&
            names.contains({block.tier, *block.parent_hash}) &&
            !out.contains({block.tier, *block.parent_hash}))
          return "order of the dump";
        out.emplace(block.tier, block.block_hash);
      }
      if (held != model_.contents(rank))
        return "contents";
      if (counts != index_.blocks(rank))
        return "counts";
    }
    return {};
  }

  std::string check_nodes() {
    for (int i = 0; i < 100 && index_.tidy(4); ++i)
      continue;
    return index_.size().device_nodes == model_.nodes() ? "" : "nodes";
  }

  std::string check_end() {
    const bool removes = index_.ranks().size() % 2 == 0;
    for (const worker_rank& rank : index_.ranks()) {
      if (removes)
        take_all(rank);
      index_.remove_rank(rank);
    }
    for (int i = 0; i < 100 && index_.tidy(4); ++i)
      continue;
    if (index_.size().device_nodes != 0 || index_.entries() != 0)
      return "something is left";
    if (index_.size().bytes > flat_index{{}}.size().bytes + 16 * 1024)
      return "memory is left";
    return {};
  }

 private:
  static std::vector<worker_rank> all_ranks() {
    std::vector<worker_rank> all;
    for (std::uint64_t worker = 1; worker <= 4; ++worker) {
      for (std::uint32_t rank = 0; rank < 2; ++rank)
        all.push_back({worker, rank});
    }
    return all;
  }

  std::string check_matches(const path& local) {
    std::vector<rank_overlap> rows;
    for (const worker_rank& rank : all_ranks()) {
      const rank_overlap row = model_.overlap(rank, local);
      if (row.disk > 0)
        rows.push_back(row);
    }
    return index_.find_matches(local) == rows ? "" : "matches";
  }

  /// One removal for each block.
  void take_all(const worker_rank& rank) {
    for (const held_block& block : index_.dump(rank)) {
      for (const auto domain :
           {residency_domain::worker, residency_domain::cache_owner})
        index_.apply(rank,
                     {.event_id = 0,
                      .data = kv_removed{{block.block_hash}},
                      .dp_rank = 0},
                     block.tier, domain);
    }
  }

  flat_index index_;
  flat_model model_;
  tally& outcomes_;
};

/// What goes wrong in these steps, or nothing.
std::string failure_of(const std::vector<step>& steps,
                       conflict_policy conflicts, naming names,
                       pair_of_both::tally& outcomes) {
  pair_of_both both{conflicts, outcomes};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (const std::string wrong = both.take(steps[i]); !wrong.empty())
      return wrong;
    if (i % 8 == 7) {
      const bool is_ordered = names != naming::colliding;
      if (const std::string wrong = both.check_contents(is_ordered);
          !wrong.empty())
        return wrong;
    }
  }
  if (const std::string wrong = both.check_nodes(); !wrong.empty())
    return wrong;
  return both.check_end();
}

/// Leaves out steps, first many, then one, as long as something is wrong.
std::vector<step> shrunk(std::vector<step> steps, conflict_policy conflicts,
                         naming names) {
  pair_of_both::tally outcomes;
  for (std::size_t width = steps.size() / 2; width > 0;) {
    bool is_smaller = false;
    for (std::size_t at = 0; at + width <= steps.size();) {
      std::vector<step> fewer = steps;
      const auto first = fewer.begin() + static_cast<std::ptrdiff_t>(at);
      fewer.erase(first, first + static_cast<std::ptrdiff_t>(width));
      if (failure_of(fewer, conflicts, names, outcomes).empty()) {
        at += width;
        continue;
      }
      steps = fewer;
      is_smaller = true;
    }
    if (!is_smaller)
      width /= 2;
  }
  return steps;
}

void run_seeds(conflict_policy conflicts, naming names, std::uint64_t first) {
  constexpr std::uint64_t seeds = dynamo::test::sample_size(700);
  pair_of_both::tally outcomes;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    step_source source{seed, names};
    std::vector<step> steps;
    for (std::uint64_t i = 0, count = 8 + seed % 60; i < count; ++i)
      steps.push_back(source.next());
    const std::string wrong = failure_of(steps, conflicts, names, outcomes);
    if (wrong.empty())
      continue;
    std::string text = "seed " + std::to_string(seed) + ": ";
    const std::vector<step> least = shrunk(steps, conflicts, names);
    text += failure_of(least, conflicts, names, outcomes);
    for (const step& one : least)
      text += "\n  " + text_of(one);
    FAIL(text);
  }
  // The steps must have met every rule.
  for (const apply_outcome outcome :
       {apply_outcome::applied, apply_outcome::duplicate,
        apply_outcome::parent_unknown, apply_outcome::block_unknown})
    CHECK(outcomes[outcome] > dynamo::test::sample_size(100));
  if (names == naming::colliding)
    CHECK(outcomes[apply_outcome::invalid] > dynamo::test::sample_size(100));
}

} // namespace

TEST_CASE("flat_index equals the model when all engines name blocks alike") {
  run_seeds(conflict_policy::follow, naming::unique, 0);
  run_seeds(conflict_policy::first, naming::unique, 10'000);
}

TEST_CASE("flat_index equals the model when engines name blocks differently") {
  run_seeds(conflict_policy::follow, naming::by_rank, 20'000);
  run_seeds(conflict_policy::first, naming::by_rank, 30'000);
}

TEST_CASE("flat_index equals the model when names collide") {
  run_seeds(conflict_policy::follow, naming::colliding, 40'000);
  run_seeds(conflict_policy::first, naming::colliding, 50'000);
}
