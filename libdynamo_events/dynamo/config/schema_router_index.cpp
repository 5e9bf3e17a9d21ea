#include "dynamo/config/schema_parts.hpp"
#include "dynamo/config/schema_section.hpp"

#include <cstdint>

namespace dynamo {

namespace {

constexpr std::uint64_t count_max = 10'000'000;
constexpr std::uint64_t blocks_limit = 1'000'000'000;
constexpr std::uint64_t day_ms = 86'400'000;
constexpr number_range fraction{0, 1};

template <class Section>
void add_index_policies(Section& index) {
  index.one_of("orphans", &index_options::orphans,
               choices<orphan_policy>{{"hold", orphan_policy::hold},
                                      {"skip", orphan_policy::skip}},
               {"",
                "Blocks stored below one that the rank does not hold: \"hold\" "
                "them until it comes, or \"skip\" them as Dynamo does."});
  index.one_of("removal", &index_options::removal,
               choices<removal_policy>{{"keep", removal_policy::keep},
                                       {"cascade", removal_policy::cascade}},
               {"",
                "What lies below a removed block: \"keep\" it for the time "
                "when the block is back, or \"cascade\" as Dynamo does; that "
                "needs conflicts \"first\"."});
  index.one_of("conflicts", &index_options::conflicts,
               choices<conflict_policy>{{"follow", conflict_policy::follow},
                                        {"first", conflict_policy::first}},
               {"",
                "Ranks that name the same block differently: \"follow\" each "
                "by its own name, or keep the \"first\" name alone as Dynamo "
                "does."});
  index.one_of(
      "incarnations", &index_options::incarnations,
      choices<incarnation_policy>{{"newest", incarnation_policy::newest},
                                  {"none", incarnation_policy::none}},
      {"", "Who speaks for a rank that two publishers advertise: the "
           "\"newest\" at once, or \"none\" until one goes as with "
           "Dynamo."});
}

void add_index(std::vector<setting>& to) {
  to.push_back(compatibility_preset());
  section index{to, "router.index.",
                [](auto& all) -> decltype(auto) { return (all.router.index); }};
  add_index_policies(index);
  index.integer("blocks_max", &index_options::blocks_max, {1, blocks_limit},
                {"blocks",
                 "Blocks in the index, counted for each rank and tier. A rank "
                 "whose blocks do not fit is partial."});
  index.integer("ranks_max", &index_options::ranks_max, {1, count_max},
                {"ranks", "Ranks in the index; more are not followed."});
  index.integer("bytes_max", &index_options::bytes_max,
                {std::uint64_t{1} << 20, std::uint64_t{1} << 40},
                {"bytes",
                 "Memory of the index; beyond it goes what was not matched for "
                 "longest, and its ranks are partial."});
  index.integer("orphans_per_rank_max", &index_options::orphans_per_rank_max,
                {1, count_max},
                {"events", "Events of a rank that are held for their parents; "
                           "beyond them the oldest are dropped and counted."});
  index.integer("orphan_blocks_max", &index_options::orphan_blocks_max,
                {1, blocks_limit},
                {"blocks", "Blocks of all events that are held so."});
}

void add_early(std::vector<setting>& to) {
  section early{to, "router.early.",
                [](auto& all) -> decltype(auto) { return (all.router.early); }};
  early.integer(
      "events_max", &early_limits::events_max, {1, count_max},
      {"events",
       "Events kept of each publisher that no record binds yet; beyond them "
       "the oldest are dropped and counted. Dynamo's figure."});
  early.integer("publishers_max", &early_limits::publishers_max, {1, count_max},
                {"publishers", "Publishers whose events are kept so."});
  early.integer("blocks_max", &early_limits::blocks_max, {1, blocks_limit},
                {"blocks", "Blocks in all of these events."});
}

void add_freshness(std::vector<setting>& to) {
  section freshness{to, "router.freshness.", [](auto& all) -> decltype(auto) {
                      return (all.router.freshness);
                    }};
  freshness.number("partial_credit", &freshness_options::partial_credit,
                   fraction,
                   {"", "How much the cached blocks of a rank count of which "
                        "events are missing; 1: as those of any other."});
  freshness.number("stale_credit", &freshness_options::stale_credit, fraction,
                   {"", "How much they count when its publisher cannot be "
                        "heard; 1: as those of any other."});
  freshness.duration("stale_half_life_ms", &freshness_options::stale_half_life,
                     {1, day_ms},
                     {"", "In this time since the last proof that what is "
                          "known was current, stale_credit halves; a credit "
                          "of 1 stays."});
}

void add_prediction(std::vector<setting>& to) {
  section prediction{to, "router.prediction.", [](auto& all) -> decltype(auto) {
                       return (all.router.prediction);
                     }};
  prediction.duration("ttl_ms", &prediction_options::ttl, {0, day_ms},
                      {"",
                       "Without kv_events a block is believed to be cached for "
                       "so long after its last use; Dynamo's figure.",
                       {"DYN_ROUTER_TTL_SECS", 1000},
                       secrecy::none,
                       {"DYN_ROUTER_TTL"}});
  prediction.duration(
      "beside_events_ttl_ms", &prediction_options::beside_events_ttl,
      {0, day_ms},
      {"",
       "The same beside kv_events, until the worker's own events say it; 0: "
       "what was decided is not predicted there.",
       {"DYN_ROUTER_PREDICTED_TTL_SECS", 1000}});
  prediction.integer("tree_size_max", &prediction_options::tree_size_max,
                     {1, blocks_limit},
                     {"blocks",
                      "Predicted blocks, counted for each rank, above which "
                      "those go that were not used for longest; Dynamo's "
                      "figure.",
                      {"DYN_ROUTER_MAX_TREE_SIZE"}});
  prediction.number("prune_target_ratio",
                    &prediction_options::prune_target_ratio, fraction,
                    {"",
                     "They go until this part of tree_size_max is left.",
                     {"DYN_ROUTER_PRUNE_TARGET_RATIO"}});
}

} // namespace

void add_router_index(std::vector<setting>& to) {
  add_index(to);
  add_early(to);
  add_freshness(to);
  add_prediction(to);
}

} // namespace dynamo
