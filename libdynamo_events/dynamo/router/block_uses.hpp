#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dynamo {

/// How many requests of a rank use a block, and which one when it is one. An
/// open table of 16 bytes for each block, at most two thirds full; it shrinks
/// again.
class block_uses {
 public:
  struct use {
    /// 0: nobody.
    std::uint32_t count = 0;
    /// The exclusive or of all users: the user, when it is one.
    std::uint32_t users = 0;
  };

  /// Adds a use by `user`; returns what was before.
  use add(std::uint64_t block, std::uint32_t user);
  /// Takes away a use that was added; returns what is left.
  use remove(std::uint64_t block, std::uint32_t user);

  bool contains(std::uint64_t block) const;

  /// Blocks in use.
  std::size_t size() const { return size_; }

 private:
  struct slot {
    std::uint64_t block = 0;
    use uses;
  };

  std::size_t home(std::uint64_t block) const;
  /// Where the block is, or the free place where it belongs.
  std::size_t find(std::uint64_t block) const;
  void erase(std::size_t at);
  void resize(std::size_t count);

  /// A power of two, or none.
  std::vector<slot> slots_;
  std::size_t size_ = 0;
};

} // namespace dynamo
