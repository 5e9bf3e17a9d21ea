#include "dynamo/router/reader_epochs.hpp"

#include <memory>
#include <new>

#include "support/catch.hpp"

using namespace dynamo;

TEST_CASE("nothing that a reader may see is freed while it reads") {
  memory_count memory{1 << 20};
  retired_blocks retired{memory};
  reader_epochs epochs;
  auto* const block = new (memory.take(64)) shared_block;
  block->bytes = 64;

  auto reading = std::make_unique<reader_epochs::reading>(epochs);
  retired.retire(block);
  int advances = 0;
  for (int i = 0; i < 10; ++i) {
    if (!epochs.advance())
      continue;
    retired.end_epoch();
    ++advances;
  }
  // The reader holds up the second of the two that it takes.
  CHECK(advances == 1);
  CHECK(retired.waiting() == 1);

  reading.reset();
  REQUIRE(epochs.advance());
  retired.end_epoch();
  CHECK(retired.waiting() == 0);
  CHECK(memory.used() == 0);
}

TEST_CASE("epochs go on beside readers that come and go") {
  reader_epochs epochs;
  int advances = 0;
  for (int i = 0; i < 100; ++i) {
    const reader_epochs::reading reading{epochs};
    advances += epochs.advance() ? 1 : 0;
  }
  CHECK(advances == 100);
}
