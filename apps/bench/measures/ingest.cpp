#include "apps/bench/measures/kv_trial.hpp"
#include "apps/bench/measures/measure.hpp"

#include <utility>

namespace dynamo::apps {

namespace {

/// So many that everything fits into the first queue on the way, that of
/// zmq.send_hwm, 100,000 messages: libzmq tells its sender only after each half
/// of it that there is room again. What is lost then is lost by a mistake, and
/// the clock stops when all is in the index.
std::uint64_t events_for(std::size_t per_message, const run_options& options) {
  const std::uint64_t full = per_message == 1 ? 96'000 : 600'000;
  return sized<std::uint64_t>(options, full, 2'560);
}

std::vector<figure_spec> ingest_beside_dynamo(std::size_t per_message,
                                              bool is_paced) {
  std::vector<figure_spec> all{
      {"ingest_cpu_ns", "router CPU", "ns", better::lower, target{0.25, true}}};
  if (!is_paced) {
    all.insert(all.begin(), {"events_per_s", "events", "k/s", better::higher,
                             target{per_message == 1 ? 3.0 : 5.0, true}, 1e3});
  }
  return all;
}

} // namespace

result<std::vector<comparison>> run_ingest(const run_options& options,
                                           const progress_sink& progress) {
  std::vector<turns> cases;
  for (const std::size_t publishers : {1, 4}) {
    for (const std::size_t per_message : {1, 16, 128}) {
      for (const bool is_paced : {false, true}) {
        if (is_paced && publishers == 4) {
          continue;
        }
        kv_trial trial;
        trial.publishers = publishers;
        trial.events_per_message = per_message;
        trial.events = events_for(per_message, options) / publishers;
        trial.rate = is_paced ? 50'000 : 0;
        turns one{"ingest",
                  std::to_string(publishers) + " publ., " +
                      std::to_string(per_message) + "/msg" +
                      (is_paced ? ", 50 k/s" : ""),
                  {}};
        std::vector<figure_spec> own{
            {"lost", "lost", "events", better::lower, never},
            {"mismatched", "blocks not found", "", better::lower, never},
            {"router_rss", "router memory", "MB", better::lower, {}, 1e6}};
        if (!options.dynamo_peer) {
          own.insert(
              own.begin(),
              {{"events_per_s", "events", "k/s", better::higher, {}, 1e3},
               {"ingest_cpu_ns", "router CPU", "ns", better::lower}});
        }
        trial.publisher = ours();
        trial.router = ours();
        one.sides.push_back(
            {"ours", [trial] { return run_kv(trial); }, std::move(own)});
        if (options.dynamo_peer) {
          trial.publisher = dynamo_peer(options, "validated");
          trial.router = trial.publisher;
          one.sides.push_back({"dynamo", [trial] { return run_kv(trial); },
                               ingest_beside_dynamo(per_message, is_paced)});
        }
        cases.push_back(std::move(one));
      }
    }
  }
  return run_cases(cases, options, progress);
}

} // namespace dynamo::apps
