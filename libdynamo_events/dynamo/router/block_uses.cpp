#include "dynamo/router/block_uses.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

namespace dynamo {

namespace {

constexpr std::size_t slots_min = 16;

std::size_t slots_for(std::size_t blocks) {
  return std::max(slots_min, std::bit_ceil(blocks + blocks / 2 + 1));
}

} // namespace

block_uses::use block_uses::add(std::uint64_t block, std::uint32_t user) {
  if (slots_for(size_ + 1) > slots_.size())
    resize(slots_for(size_ + 1));
  slot& at = slots_[find(block)];
  const use before = at.uses;
  if (before.count == 0) {
    at.block = block;
    ++size_;
  }
  at.uses = {before.count + 1, before.users ^ user};
  return before;
}

block_uses::use block_uses::remove(std::uint64_t block, std::uint32_t user) {
  const std::size_t at = find(block);
  use& uses = slots_[at].uses;
  assert(uses.count > 0);
  uses = {uses.count - 1, uses.users ^ user};
  const use left = uses;
  if (left.count == 0)
    erase(at);
  return left;
}

bool block_uses::contains(std::uint64_t block) const {
  return size_ > 0 && slots_[find(block)].uses.count > 0;
}

std::size_t block_uses::home(std::uint64_t block) const {
  // Requests from outside may name blocks by small numbers.
  block ^= block >> 32;
  block *= 0x9e3779b97f4a7c15U;
  return static_cast<std::size_t>(block ^ (block >> 29)) & (slots_.size() - 1);
}

std::size_t block_uses::find(std::uint64_t block) const {
  std::size_t at = home(block);
  while (slots_[at].uses.count > 0 && slots_[at].block != block)
    at = (at + 1) & (slots_.size() - 1);
  return at;
}

void block_uses::erase(std::size_t at) {
  --size_;
  const std::size_t mask = slots_.size() - 1;
  // Those behind the gap move up, so that no search ends at it too early.
  for (std::size_t next = (at + 1) & mask; slots_[next].uses.count > 0;
       next = (next + 1) & mask) {
    const std::size_t wanted = home(slots_[next].block);
    if (((next - wanted) & mask) >= ((next - at) & mask)) {
      slots_[at] = slots_[next];
      at = next;
    }
  }
  slots_[at] = {};
  if (slots_.size() > slots_min && size_ < slots_.size() / 8)
    resize(slots_.size() / 2);
}

void block_uses::resize(std::size_t count) {
  std::vector<slot> old(count);
  old.swap(slots_);
  for (const slot& each : old) {
    if (each.uses.count > 0)
      slots_[find(each.block)] = each;
  }
}

} // namespace dynamo
