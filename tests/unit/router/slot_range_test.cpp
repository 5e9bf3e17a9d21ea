#include "dynamo/router/slot_range.hpp"

#include <cstring>
#include <set>
#include <vector>

#include "support/catch.hpp"

using namespace dynamo;

namespace {

constexpr std::size_t slot_bytes = 8256;

} // namespace

TEST_CASE("slots lie side by side, and those given back are used again") {
  slot_range slots{slot_bytes, slot_bytes * 1000};
  auto* const first = static_cast<std::byte*>(slots.take());
  CHECK(slots.take() == first + slot_bytes);
  slots.give_back(first);
  CHECK(slots.take() == first);
  CHECK(slots.has(first));
  CHECK(slots.has(first + slot_bytes * 999));
  CHECK_FALSE(slots.has(first + slot_bytes * 1000));
  CHECK_FALSE(slots.has(&slots));
}

TEST_CASE("there are no more slots than there is room for") {
  slot_range slots{slot_bytes, slot_bytes * 3 + 1};
  std::set<void*> taken;
  for (int i = 0; i < 3; ++i)
    taken.insert(slots.take());
  CHECK(taken.size() == 3);
  CHECK_FALSE(taken.contains(nullptr));
  CHECK(slots.take() == nullptr);
  slots.give_back(*taken.begin());
  CHECK(slots.take() == *taken.begin());

  slot_range small{slot_bytes, 10};
  CHECK(small.take() != nullptr);
  CHECK(small.take() == nullptr);
}

TEST_CASE("memory of many megabytes can be written, and is zero when all of it "
          "was given back in between") {
  constexpr std::size_t count = 1000;
  slot_range slots{slot_bytes, slot_bytes * count};
  std::vector<std::byte*> taken;
  for (int turn = 0; turn < 2; ++turn) {
    for (std::size_t i = 0; i < count; ++i) {
      taken.push_back(static_cast<std::byte*>(slots.take()));
      REQUIRE(taken.back() != nullptr);
      // The pages at the ends may be shared with what was never touched.
      REQUIRE(taken.back()[slot_bytes / 2] == std::byte{0});
      std::memset(taken.back(), 0x5a, slot_bytes);
    }
    for (std::byte* const slot : taken)
      slots.give_back(slot);
    taken.clear();
  }
}
