#include "apps/bench/allocation_count.hpp"

#include <cstdlib>
#include <new>

namespace {

thread_local std::uint64_t allocations = 0;

} // namespace

namespace dynamo::apps {

std::uint64_t allocations_of_thread() {
  return allocations;
}

} // namespace dynamo::apps

#if !defined(__SANITIZE_ADDRESS__)

// The other forms of both operators come down to these.
void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* const memory = std::malloc(bytes == 0 ? 1 : bytes)) {
    return memory;
  }
  throw std::bad_alloc{};
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

#endif
