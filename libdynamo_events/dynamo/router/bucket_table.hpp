#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace dynamo {

/// No element.
inline constexpr std::uint32_t no_index = 0xffffffff;

/// Spreads a hash that a peer may have chosen over all bits.
inline std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 32;
  value *= 0x9e3779b97f4a7c15U;
  value ^= value >> 29;
  value *= 0xbf58476d1ce4e5b9U;
  return value ^ (value >> 32);
}

/// A hash table of 32-bit element numbers. The elements belong to the caller
/// and carry the chain, so that an entry costs one number here and one there;
/// several elements may have the same hash. `Links` has `next(id)`, a reference
/// to the element's chain number, and `hash(id)`, the hash that it was put
/// under.
class bucket_table {
 public:
  /// The first element that may have this hash, or no_index.
  std::uint32_t head(std::uint64_t hash) const {
    return buckets_.empty() ? no_index : buckets_[slot(hash)];
  }

  template <class Links>
  void insert(std::uint32_t id, Links links) {
    if (size_ >= buckets_.size())
      resize(std::max<std::size_t>(16, buckets_.size() * 2), links);
    link(id, links);
    ++size_;
  }

  template <class Links>
  void erase(std::uint32_t id, Links links) {
    std::uint32_t* at = &buckets_[slot(links.hash(id))];
    while (*at != id)
      at = &links.next(*at);
    *at = links.next(id);
    --size_;
    if (size_ == 0)
      buckets_ = {};
    else if (buckets_.size() > 16 && size_ < buckets_.size() / 8)
      resize(buckets_.size() / 2, links);
  }

  /// Replaces one number by another, which must have the same hash and the
  /// same chain number.
  template <class Links>
  void rename(std::uint32_t from, std::uint32_t to, Links links) {
    std::uint32_t* at = &buckets_[slot(links.hash(to))];
    while (*at != from)
      at = &links.next(*at);
    *at = to;
  }

  void clear() {
    buckets_ = {};
    size_ = 0;
  }

  std::uint64_t heap_bytes() const {
    return buckets_.capacity() * sizeof(std::uint32_t);
  }

 private:
  std::size_t slot(std::uint64_t hash) const {
    return static_cast<std::size_t>(hash) & (buckets_.size() - 1);
  }

  template <class Links>
  void link(std::uint32_t id, Links links) {
    std::uint32_t& bucket = buckets_[slot(links.hash(id))];
    links.next(id) = bucket;
    bucket = id;
  }

  template <class Links>
  void resize(std::size_t count, Links links) {
    std::vector<std::uint32_t> old(count, no_index);
    old.swap(buckets_);
    for (std::uint32_t id : old) {
      while (id != no_index) {
        const std::uint32_t next = links.next(id);
        link(id, links);
        id = next;
      }
    }
  }

  /// A power of two, or none.
  std::vector<std::uint32_t> buckets_;
  std::size_t size_ = 0;
};

} // namespace dynamo
