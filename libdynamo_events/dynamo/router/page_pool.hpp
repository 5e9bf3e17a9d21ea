#pragma once

#include "dynamo/router/bucket_table.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace dynamo {

/// Elements with 32-bit numbers that never move. Pages without a live element
/// go back to the heap. An element must have `page_next()`, a reference to a
/// number that is free for the pool's use while the element is not.
template <class Element>
class page_pool {
 public:
  /// An element's number. What it held when it was given back may stand there
  /// still: the caller sets every member.
  std::uint32_t take() {
    const std::uint32_t number = page_with_room();
    page& from = *pages_[number];
    std::uint32_t within = from.free;
    if (within == no_index)
      within = from.used++;
    else
      from.free = from.elements[within].page_next();
    ++from.live;
    ++live_;
    return number * page_size + within;
  }

  void give_back(std::uint32_t id) {
    const std::uint32_t number = id / page_size;
    page& to = *pages_[number];
    --live_;
    if (--to.live == 0) {
      // Its number may still stand in open_, which take() sorts out.
      pages_[number].reset();
      empty_.push_back(number);
      return;
    }
    to.elements[id % page_size].page_next() = to.free;
    to.free = id % page_size;
    if (!to.open) {
      to.open = true;
      open_.push_back(number);
    }
  }

  Element& operator[](std::uint32_t id) {
    return pages_[id / page_size]->elements[id % page_size];
  }
  const Element& operator[](std::uint32_t id) const {
    return pages_[id / page_size]->elements[id % page_size];
  }

  std::size_t size() const { return live_; }

  std::uint64_t heap_bytes() const {
    return (pages_.size() - empty_.size()) * sizeof(page) +
           pages_.capacity() * sizeof(pages_[0]) +
           (open_.capacity() + empty_.capacity()) * sizeof(std::uint32_t);
  }

 private:
  static constexpr std::uint32_t page_size = 512;

  struct page {
    std::array<Element, page_size> elements;
    std::uint32_t free = no_index;
    std::uint32_t used = 0;
    std::uint32_t live = 0;
    /// Whether its number stands in open_.
    bool open = true;
  };

  std::uint32_t page_with_room() {
    while (!open_.empty()) {
      const std::uint32_t number = open_.back();
      if (pages_[number]) {
        if (pages_[number]->live < page_size)
          return number;
        pages_[number]->open = false;
      }
      open_.pop_back();
    }
    std::uint32_t number = static_cast<std::uint32_t>(pages_.size());
    if (empty_.empty()) {
      pages_.emplace_back();
    } else {
      number = empty_.back();
      empty_.pop_back();
    }
    pages_[number] = std::make_unique<page>();
    open_.push_back(number);
    return number;
  }

  std::vector<std::unique_ptr<page>> pages_;
  /// Pages that may have room, each at most once while it lives.
  std::vector<std::uint32_t> open_;
  /// Page numbers without a page.
  std::vector<std::uint32_t> empty_;
  std::size_t live_ = 0;
};

} // namespace dynamo
