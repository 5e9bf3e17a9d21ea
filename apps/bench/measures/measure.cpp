#include "apps/bench/measures/measure.hpp"

#include <filesystem>
#include <utility>

namespace dynamo::apps {

namespace {

std::string own_program() {
  return std::filesystem::read_symlink("/proc/self/exe").string();
}

contender own(const std::string& name, const std::string& kind) {
  const std::vector<std::string> flags{"--kind", kind};
  return {name, {own_program()}, flags, flags};
}

} // namespace

const std::vector<measure>& measures() {
  static const std::vector<measure> all{
      {"codec", "Values to bytes and back, in one thread", run_codec_measure},
      {"publish", "A publisher's way to the socket", run_publish},
      {"receive", "A subscriber's way from the socket", run_receive},
      {"end-to-end", "Publisher process to subscriber process", run_end_to_end},
      {"round-trip", "There and back, one message under way", run_round_trip},
      {"threads", "Which threads the time goes to", run_threads},
      {"fan", "Many publishers, several subscribers", run_fan},
      {"ingest", "kv-events from sockets into the index", run_ingest},
      {"index", "The prefix index under a trace", run_index},
      {"route", "Choosing a worker while events arrive", run_route_measure},
      {"join", "From a publisher's start to its first event", run_join},
      {"idle", "What processes cost while nothing happens", run_idle},
      {"reconnect", "How soon events flow again", run_reconnect},
      {"soak", "80 % of the peak for long; only when named", run_soak},
  };
  return all;
}

contender ours() {
  return own("ours", "plane");
}

contender raw() {
  return own("raw", "raw");
}

contender dynamo_peer(const run_options& options, const std::string& source) {
  return {"dynamo " + source,
          {options.dynamo_peer.value_or("")},
          {},
          {"--source", source}};
}

result<std::vector<comparison>> run_cases(const std::vector<turns>& cases,
                                          const run_options& options,
                                          const progress_sink& progress) {
  std::vector<comparison> all;
  for (const turns& one : cases) {
    if (one.what.find(options.only) == std::string::npos) {
      continue;
    }
    auto compared =
        take_turns(one, options.pairs, progress, options.is_stopping);
    if (!compared) {
      return compared;
    }
    all.insert(all.end(), compared->begin(), compared->end());
  }
  return all;
}

} // namespace dynamo::apps
