#include "dynamo/base/thread_name.hpp"

#include <pthread.h>

#include <array>
#include <string>
#include <thread>

#include "support/catch.hpp"

using namespace dynamo;

TEST_CASE("a thread is named, and no other") {
  std::array<char, 16> before{};
  pthread_getname_np(pthread_self(), before.data(), before.size());
  std::array<char, 16> seen{};
  std::thread{[&seen] {
    name_this_thread("zmq-receive");
    pthread_getname_np(pthread_self(), seen.data(), seen.size());
  }}.join();
  CHECK(seen.data() == std::string{"zmq-receive"});
  std::array<char, 16> after{};
  pthread_getname_np(pthread_self(), after.data(), after.size());
  CHECK(after == before);
}
