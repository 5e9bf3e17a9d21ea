#include "dynamo/router/source_table.hpp"

#include "support/catch.hpp"

using dynamo::source_table;
using dynamo::worker_rank;

namespace {

const worker_rank rank{7, 0};

} // namespace

TEST_CASE("source_table lets the newest publisher speak") {
  source_table sources{10};
  CHECK(sources.bind(1, rank) == source_table::binding::fresh);
  CHECK(sources.bind(2, rank) == source_table::binding::fresh);
  CHECK(sources.speaker_of(rank) == 2U);
  CHECK(sources.rank_of(1) == rank);
}

TEST_CASE("source_table goes back to an older publisher that is still there") {
  source_table sources{10};
  sources.bind(1, rank);
  sources.bind(2, rank);
  CHECK(sources.unbind(2) == rank);
  CHECK(sources.speaker_of(rank) == 1U);
  CHECK(sources.unbind(1) == rank);
  CHECK_FALSE(sources.speaker_of(rank));
  CHECK_FALSE(sources.unbind(1));
}

TEST_CASE("source_table leaves a repeated binding in its place") {
  source_table sources{10};
  sources.bind(1, rank);
  sources.bind(2, rank);
  CHECK(sources.bind(1, rank) == source_table::binding::unchanged);
  CHECK(sources.speaker_of(rank) == 2U);
}

TEST_CASE("source_table refuses a binding beyond its limit") {
  source_table sources{1};
  sources.bind(1, rank);
  CHECK(sources.bind(2, rank) == source_table::binding::refused);
  CHECK(sources.speaker_of(rank) == 1U);
}
