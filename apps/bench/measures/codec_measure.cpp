#include "apps/bench/measures/measure.hpp"
#include "apps/bench/measures/single_role.hpp"

#include <utility>

namespace dynamo::apps {

namespace {

/// A value, and how many blocks it has.
struct codec_case {
  std::string name;
  std::vector<std::string> flags;
  bool is_read_in_place = false;
};

std::vector<figure_spec> times() {
  return {{"encode_ns", "encode", "ns", better::lower, target{1.2, true}},
          {"decode_ns", "decode", "ns", better::lower, target{1.2, true}}};
}

/// What the codec may allocate, whatever the baseline does.
std::vector<figure_spec> allocations_of(const codec_case& on) {
  figure_spec decode{"decode_allocations", "decode allocations", "",
                     better::lower};
  if (on.is_read_in_place) {
    decode.wanted = never;
  }
  return {{"encode_allocations", "encode allocations", "", better::lower,
           target{1, false}},
          decode};
}

side codec_side(const std::string& name, const codec_case& on,
                const std::string& which, const run_options& options,
                std::vector<figure_spec> reported) {
  std::vector<std::string> flags = on.flags;
  flags.insert(flags.end(),
               {"--which", which, "--count",
                std::to_string(sized(options, 2'000'000, 10'000))});
  return {name, [=] { return run_single_role(ours(), "codec", flags); },
          std::move(reported)};
}

} // namespace

result<std::vector<comparison>>
run_codec_measure(const run_options& options, const progress_sink& progress) {
  const std::vector<codec_case> all{
      {"envelope of 200 B", {"--value", "envelope"}, true},
      {"kv event, 1 block", {"--value", "kv-events", "--blocks", "1"}},
      {"kv event, 8 blocks", {"--value", "kv-events", "--blocks", "8"}},
      {"kv event, 64 blocks", {"--value", "kv-events", "--blocks", "64"}},
      {"load", {"--value", "load"}, true},
      {"sequence, 8 blocks", {"--value", "sequence", "--blocks", "8"}}};
  std::vector<turns> cases;
  for (const codec_case& on : all) {
    cases.push_back(
        {"codec",
         on.name,
         {codec_side("ours", on, "wire", options, allocations_of(on)),
          codec_side("hand-written", on, "bound", options, times())}});
  }
  return run_cases(cases, options, progress);
}

} // namespace dynamo::apps
