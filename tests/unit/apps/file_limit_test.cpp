#include "apps/app/file_limit.hpp"

#include <sys/resource.h>

#include "support/catch.hpp"

TEST_CASE("raise_file_limit raises the soft limit to the hard one") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit low = before;
  low.rlim_cur = before.rlim_max / 2;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);

  CHECK(dynamo::apps::raise_file_limit() == before.rlim_max);

  rlimit after{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &after) == 0);
  CHECK(after.rlim_cur == before.rlim_max);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}
