#pragma once

#include <cstddef>

namespace dynamo {

/// Addresses for memory that grows in place: reserved as a whole, which costs
/// nothing, and made usable piece by piece. What stands in it never moves, so a
/// number becomes an address by one multiplication.
///
/// All but the beginning asks for huge pages, for what stands in it is read all
/// over the place: a large index ingests a quarter faster with them. They come
/// 2 MiB at a time; the beginning, of that size, is on small pages, so that a
/// small index stays small.
///
/// Not thread-safe; what is usable may be read and written by any thread.
class reserved_range {
 public:
  /// Throws std::system_error when the process may not have so many addresses
  /// (`ulimit -v`).
  explicit reserved_range(std::size_t bytes);
  reserved_range(const reserved_range&) = delete;
  reserved_range& operator=(const reserved_range&) = delete;
  ~reserved_range();

  void* begin() const { return begin_; }

  /// Makes a piece usable; what was not in use before is zero. False when the
  /// system has no memory. Pieces may share a page.
  bool use(std::size_t from, std::size_t bytes);

  /// Gives the memory of a piece back to the system, but for the pages at its
  /// ends that it may share. Nobody may look at it from now on.
  void give_back(std::size_t from, std::size_t bytes);

 private:
  std::size_t page_ = 0;
  std::size_t bytes_ = 0;
  /// What was reserved, up to a huge page more on either side.
  void* reserved_ = nullptr;
  std::size_t reserved_bytes_ = 0;
  std::byte* begin_ = nullptr;
};

} // namespace dynamo
