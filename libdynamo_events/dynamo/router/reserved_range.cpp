#include "dynamo/router/reserved_range.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <sys/mman.h>
#include <system_error>
#include <unistd.h>

namespace dynamo {

reserved_range::reserved_range(std::size_t bytes)
    : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE)))
    , bytes_((bytes + page_ - 1) / page_ * page_) {
  void* const at = mmap(nullptr, bytes_, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED)
    throw std::system_error(errno, std::system_category(),
                            "cannot reserve " + std::to_string(bytes_) +
                                " bytes of addresses for an index (ulimit -v)");
  begin_ = static_cast<std::byte*>(at);
}

reserved_range::~reserved_range() {
  munmap(begin_, bytes_);
}

bool reserved_range::use(std::size_t from, std::size_t bytes) {
  const std::size_t first = from / page_ * page_;
  const std::size_t end =
      std::min(bytes_, (from + bytes + page_ - 1) / page_ * page_);
  return mprotect(begin_ + first, end - first, PROT_READ | PROT_WRITE) == 0;
}

void reserved_range::give_back(std::size_t from, std::size_t bytes) {
  const std::size_t first = (from + page_ - 1) / page_ * page_;
  const std::size_t end = (from + bytes) / page_ * page_;
  if (first < end)
    madvise(begin_ + first, end - first, MADV_DONTNEED);
}

} // namespace dynamo
