#include "apps/app/allocator.hpp"

#include "support/catch.hpp"

using dynamo::apps::tunables_with_ours;

TEST_CASE("threads keep no memory of their own, and arenas are few") {
  CHECK(tunables_with_ours("", 4) ==
        "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=4");
  CHECK(tunables_with_ours("", 1) ==
        "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=2");
  CHECK(tunables_with_ours("", 128) ==
        "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=16");
}

TEST_CASE("tunables of other parts of the C library stay") {
  CHECK(tunables_with_ours("glibc.rtld.nns=2", 2) ==
        "glibc.rtld.nns=2:glibc.malloc.tcache_count=0:"
        "glibc.malloc.arena_max=2");
}

TEST_CASE("what a user said about malloc is left as it is") {
  CHECK_FALSE(tunables_with_ours("glibc.malloc.check=3", 2));
  CHECK_FALSE(tunables_with_ours(*tunables_with_ours("", 2), 2));
}
