#pragma once

#include <cstddef>
#include <cstdint>

namespace dynamo {

/// No place.
inline constexpr std::uint32_t no_slot = 0xffffffff;

struct slot_link {
  std::uint32_t before = no_slot;
  std::uint32_t after = no_slot;
};

/// A list of elements that live in numbered places of a table and carry their
/// links, so that they can be in several lists without memory of their own.
/// `links(slot)` is a reference to an element's link of this list.
class slot_list {
 public:
  template <class Links>
  void push_back(std::uint32_t slot, Links links) {
    links(slot) = {last_, no_slot};
    (last_ == no_slot ? first_ : links(last_).after) = slot;
    last_ = slot;
    ++size_;
  }

  template <class Links>
  void erase(std::uint32_t slot, Links links) {
    const slot_link link = links(slot);
    (link.before == no_slot ? first_ : links(link.before).after) = link.after;
    (link.after == no_slot ? last_ : links(link.after).before) = link.before;
    --size_;
  }

  std::uint32_t first() const { return first_; }
  std::size_t size() const { return size_; }

 private:
  std::uint32_t first_ = no_slot;
  std::uint32_t last_ = no_slot;
  std::size_t size_ = 0;
};

} // namespace dynamo
