#include "dynamo/router/reserved_range.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <sys/mman.h>
#include <system_error>
#include <unistd.h>

namespace dynamo {

namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20;

std::size_t rounded_up(std::size_t value, std::size_t to) {
  return (value + to - 1) / to * to;
}

} // namespace

reserved_range::reserved_range(std::size_t bytes)
    : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE)))
    , bytes_(rounded_up(bytes, page_)) {
  const bool is_large = bytes_ > huge_page;
  if (is_large)
    bytes_ = rounded_up(bytes_, huge_page);
  reserved_bytes_ = bytes_ + (is_large ? huge_page : 0);
  reserved_ = mmap(nullptr, reserved_bytes_, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved_ == MAP_FAILED)
    throw std::system_error(errno, std::system_category(),
                            "cannot reserve " + std::to_string(bytes_) +
                                " bytes of addresses for an index (ulimit -v)");
  begin_ = static_cast<std::byte*>(reserved_);
  if (!is_large)
    return;
  const auto address = reinterpret_cast<std::uintptr_t>(reserved_);
  begin_ += rounded_up(address, huge_page) - address;
  // A wish: where the system has none, small pages do.
  madvise(begin_ + huge_page, bytes_ - huge_page, MADV_HUGEPAGE);
}

reserved_range::~reserved_range() {
  munmap(reserved_, reserved_bytes_);
}

bool reserved_range::use(std::size_t from, std::size_t bytes) {
  // A huge page comes only where all of it may be used.
  const std::size_t unit = from + bytes > huge_page ? huge_page : page_;
  const std::size_t first = from / unit * unit;
  const std::size_t end = std::min(bytes_, rounded_up(from + bytes, unit));
  return mprotect(begin_ + first, end - first, PROT_READ | PROT_WRITE) == 0;
}

void reserved_range::give_back(std::size_t from, std::size_t bytes) {
  const std::size_t first = (from + page_ - 1) / page_ * page_;
  const std::size_t end = (from + bytes) / page_ * page_;
  if (first < end)
    madvise(begin_ + first, end - first, MADV_DONTNEED);
}

} // namespace dynamo
