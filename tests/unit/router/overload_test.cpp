#include "dynamo/router/overload.hpp"

#include "support/catch.hpp"

using dynamo::active_load;
using dynamo::overload_watch;
using dynamo::worker_rank;

namespace {

constexpr worker_rank rank{7, 0};
constexpr worker_rank other_rank{7, 1};

active_load used(std::uint64_t blocks, const worker_rank& of = rank) {
  return {.worker_id = of.worker_id,
          .dp_rank = of.dp_rank,
          .active_decode_blocks = {},
          .active_prefill_tokens = {},
          .kv_used_blocks = blocks};
}

active_load decoding(std::uint64_t blocks, const worker_rank& of = rank) {
  return {.worker_id = of.worker_id,
          .dp_rank = of.dp_rank,
          .active_decode_blocks = blocks,
          .active_prefill_tokens = {},
          .kv_used_blocks = {}};
}

active_load prefilling(std::uint64_t tokens, const worker_rank& of = rank) {
  return {.worker_id = of.worker_id,
          .dp_rank = of.dp_rank,
          .active_decode_blocks = {},
          .active_prefill_tokens = tokens,
          .kv_used_blocks = {}};
}

/// Over at more than 500 of 1000 blocks.
overload_watch decode_watch() {
  overload_watch watch{{.decode_blocks_fraction = 0.5}};
  watch.add_rank(
      rank, {.kv_total_blocks = 1000, .max_num_batched_tokens = std::nullopt});
  return watch;
}

} // namespace

TEST_CASE("a rank is over with used blocks above the threshold, not at it") {
  overload_watch watch = decode_watch();
  CHECK(watch.merge(used(500)));
  CHECK_FALSE(watch.is_overloaded(rank));
  CHECK(watch.merge(used(501)));
  CHECK(watch.is_overloaded(rank));
}

TEST_CASE("a rank is over with active decode blocks above the threshold") {
  overload_watch watch = decode_watch();
  watch.merge(decoding(500));
  CHECK_FALSE(watch.is_overloaded(rank));
  watch.merge(decoding(501));
  CHECK(watch.is_overloaded(rank));
}

TEST_CASE("low decode blocks alone do not clear a latch set by used blocks") {
  overload_watch watch = decode_watch();
  watch.merge(used(501));
  watch.merge(decoding(1));
  CHECK(watch.is_overloaded(rank));
  watch.merge(used(500));
  CHECK_FALSE(watch.is_overloaded(rank));
}

TEST_CASE("low used blocks alone do not clear a latch set by decode blocks") {
  overload_watch watch = decode_watch();
  watch.merge(decoding(501));
  watch.merge(used(1));
  CHECK(watch.is_overloaded(rank));
  watch.merge(decoding(500));
  CHECK_FALSE(watch.is_overloaded(rank));
}

TEST_CASE("a field that nobody reports does not keep a rank over") {
  overload_watch watch = decode_watch();
  watch.merge(used(501));
  watch.merge(used(500));
  CHECK_FALSE(watch.is_overloaded(rank));
}

TEST_CASE("a field without news keeps its last value") {
  overload_watch watch = decode_watch();
  watch.merge(used(10));
  watch.merge(decoding(20));
  watch.merge(prefilling(30));
  const active_load merged = watch.reported(rank).value();
  CHECK(merged.kv_used_blocks == 10);
  CHECK(merged.active_decode_blocks == 20);
  CHECK(merged.active_prefill_tokens == 30);
}

TEST_CASE("the decode rule cannot fire while total blocks are unknown") {
  overload_watch watch{{.decode_blocks_fraction = 0.5}};
  watch.add_rank(rank, {});
  watch.merge(used(1'000'000'000));
  CHECK_FALSE(watch.is_overloaded(rank));
  // What was reported counts as soon as they are.
  watch.add_rank(rank, {.kv_total_blocks = 1000, .max_num_batched_tokens = {}});
  CHECK(watch.is_overloaded(rank));
}

TEST_CASE("prefill tokens above the absolute threshold are over, not at it") {
  overload_watch watch{{.prefill_tokens = 100}};
  watch.add_rank(rank, {});
  watch.merge(prefilling(100));
  CHECK_FALSE(watch.is_overloaded(rank));
  watch.merge(prefilling(101));
  CHECK(watch.is_overloaded(rank));
  watch.merge(prefilling(100));
  CHECK_FALSE(watch.is_overloaded(rank));
}

TEST_CASE("prefill tokens above the fraction of a batch are over, not at it") {
  overload_watch watch{{.prefill_tokens_fraction = 1.5}};
  watch.add_rank(rank, {.kv_total_blocks = {}, .max_num_batched_tokens = 200});
  watch.merge(prefilling(300));
  CHECK_FALSE(watch.is_overloaded(rank));
  watch.merge(prefilling(301));
  CHECK(watch.is_overloaded(rank));
}

TEST_CASE("an unknown batch counts as ten million tokens") {
  overload_watch watch{{.prefill_tokens_fraction = 0.5}};
  watch.add_rank(rank, {});
  watch.merge(prefilling(5'000'000));
  CHECK_FALSE(watch.is_overloaded(rank));
  watch.merge(prefilling(5'000'001));
  CHECK(watch.is_overloaded(rank));
}

TEST_CASE("any one rule is enough") {
  overload_watch watch{{.decode_blocks_fraction = 0.5,
                        .prefill_tokens = 100,
                        .prefill_tokens_fraction = 10}};
  watch.add_rank(rank, {.kv_total_blocks = 1000, .max_num_batched_tokens = 5});
  watch.merge(used(1));
  watch.merge(prefilling(51));
  CHECK(watch.is_overloaded(rank));
  watch.merge(prefilling(0));
  CHECK_FALSE(watch.is_overloaded(rank));
  watch.merge(used(501));
  CHECK(watch.is_overloaded(rank));
}

TEST_CASE("thresholds of 0 are off, and all are by default") {
  overload_watch watch{{}};
  watch.add_rank(rank, {.kv_total_blocks = 1, .max_num_batched_tokens = 1});
  watch.merge(used(1'000'000));
  watch.merge(decoding(1'000'000));
  watch.merge(prefilling(1'000'000'000));
  CHECK_FALSE(watch.is_overloaded(rank));
}

TEST_CASE("a worker is over only when all its known ranks are") {
  overload_watch watch = decode_watch();
  watch.add_rank(other_rank,
                 {.kv_total_blocks = 1000, .max_num_batched_tokens = {}});
  watch.add_rank({8, 0},
                 {.kv_total_blocks = 1000, .max_num_batched_tokens = {}});
  watch.merge(used(501));
  CHECK(watch.is_overloaded(rank));
  CHECK_FALSE(watch.is_overloaded(7));
  watch.merge(used(501, other_rank));
  CHECK(watch.is_overloaded(7));
  CHECK_FALSE(watch.is_overloaded(8));
  watch.remove_rank(other_rank);
  CHECK(watch.is_overloaded(7));
}

TEST_CASE("a worker without known ranks is not over") {
  overload_watch watch = decode_watch();
  CHECK_FALSE(watch.is_overloaded(6));
  CHECK_FALSE(watch.is_overloaded(8));
}

TEST_CASE("a known rank without a report is not over and reports nothing") {
  overload_watch watch = decode_watch();
  CHECK_FALSE(watch.is_overloaded(rank));
  CHECK_FALSE(watch.is_overloaded(7));
  CHECK_FALSE(watch.reported(rank));
}

TEST_CASE("reports of unknown ranks are refused and leave nothing behind") {
  overload_watch watch = decode_watch();
  for (std::uint32_t number = 1; number < 1000; ++number)
    CHECK_FALSE(watch.merge(used(900, {7, number})));
  CHECK(watch.size() == 1);
  CHECK_FALSE(watch.reported(other_rank));
}

TEST_CASE("a removed rank takes its reports along") {
  overload_watch watch = decode_watch();
  watch.merge(used(900));
  watch.remove_rank(rank);
  CHECK(watch.size() == 0);
  CHECK_FALSE(watch.capacity(rank).kv_total_blocks);
  watch.add_rank(rank, {.kv_total_blocks = 1000, .max_num_batched_tokens = {}});
  CHECK_FALSE(watch.is_overloaded(rank));
}

TEST_CASE("a new capacity keeps the reports") {
  overload_watch watch = decode_watch();
  watch.merge(used(600));
  CHECK(watch.is_overloaded(rank));
  watch.add_rank(rank, {.kv_total_blocks = 2000, .max_num_batched_tokens = 9});
  CHECK_FALSE(watch.is_overloaded(rank));
  CHECK(watch.capacity(rank).max_num_batched_tokens == 9);
  CHECK(watch.reported(rank)->kv_used_blocks == 600);
}
