#pragma once

#include "dynamo/config/schema.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

// The words in which the schema is written; for schema*.cpp only.

namespace dynamo {

struct integer_range {
  std::uint64_t min;
  std::uint64_t max;
};

struct number_range {
  double min;
  double max;
};

/// A value of an enumeration or a text, and its name in files.
template <class T>
struct choice {
  std::string_view name;
  T value;
};

template <class T>
using choices = std::vector<choice<T>>;

/// `"nats" or "zmq"`.
std::string list_of(const std::vector<std::string_view>& names);
std::string shown(integer_range range);
std::string shown(number_range range);

/// Adds the keys of one struct to a schema. `locate` finds the struct in
/// options, const or not; each member adds one key, which a pointer to member
/// names.
template <class Locate>
class section {
 public:
  /// `prefix` is empty or ends in a dot. `to` outlives the section.
  section(std::vector<setting>& to, std::string_view prefix, Locate locate)
      : to_(to)
      , prefix_(prefix)
      , locate_(locate) {}

  template <class Member>
  void integer(std::string_view name, Member member, integer_range range,
               setting_notes notes) {
    add(name, scalar_type::integer, shown(range), notes);
    to_.back().assign = [locate = locate_, member, range](options& all,
                                                          const scalar& value) {
      const auto* whole = std::get_if<std::uint64_t>(&value);
      if (whole == nullptr || *whole < range.min || *whole > range.max) {
        return false;
      }
      auto& target = locate(all).*member;
      target = static_cast<std::remove_reference_t<decltype(target)>>(*whole);
      return true;
    };
    to_.back().read = [locate = locate_, member](const options& all) {
      return scalar{static_cast<std::uint64_t>(locate(all).*member)};
    };
  }

  /// Whole milliseconds.
  template <class Member>
  void duration(std::string_view name, Member member, integer_range range,
                setting_notes notes) {
    add(name, scalar_type::integer, shown(range), notes);
    to_.back().notes.unit = "milliseconds";
    to_.back().assign = [locate = locate_, member, range](options& all,
                                                          const scalar& value) {
      const auto* whole = std::get_if<std::uint64_t>(&value);
      if (whole == nullptr || *whole < range.min || *whole > range.max) {
        return false;
      }
      locate(all).*member = std::chrono::milliseconds{*whole};
      return true;
    };
    to_.back().read = [locate = locate_, member](const options& all) {
      return scalar{static_cast<std::uint64_t>((locate(all).*member).count())};
    };
  }

  template <class Member>
  void number(std::string_view name, Member member, number_range range,
              setting_notes notes) {
    add(name, scalar_type::number, shown(range), notes);
    to_.back().assign = [locate = locate_, member, range](options& all,
                                                          const scalar& value) {
      double real = 0;
      if (const auto* whole = std::get_if<std::uint64_t>(&value)) {
        real = static_cast<double>(*whole);
      } else if (const auto* given = std::get_if<double>(&value)) {
        real = *given;
      } else {
        return false;
      }
      // Written so that NaN is refused too.
      if (!(real >= range.min && real <= range.max)) {
        return false;
      }
      locate(all).*member = real;
      return true;
    };
    to_.back().read = [locate = locate_, member](const options& all) {
      return scalar{locate(all).*member};
    };
  }

  template <class Member>
  void boolean(std::string_view name, Member member, setting_notes notes) {
    add(name, scalar_type::boolean, "true or false", notes);
    to_.back().assign = [locate = locate_, member](options& all,
                                                   const scalar& value) {
      const auto* truth = std::get_if<bool>(&value);
      if (truth == nullptr) {
        return false;
      }
      locate(all).*member = *truth;
      return true;
    };
    to_.back().read = [locate = locate_, member](const options& all) {
      return scalar{locate(all).*member};
    };
  }

  /// Any text, the empty one only with `length_min` 0.
  template <class Member>
  void text(std::string_view name, Member member, std::size_t length_min,
            setting_notes notes) {
    add(name, scalar_type::text,
        length_min == 0 ? "a text" : "a text that is not empty", notes);
    to_.back().assign = [locate = locate_, member,
                         length_min](options& all, const scalar& value) {
      const auto* given = std::get_if<std::string>(&value);
      if (given == nullptr || given->size() < length_min ||
          given->find('\0') != std::string::npos) {
        return false;
      }
      locate(all).*member = *given;
      return true;
    };
    to_.back().read = [locate = locate_, member](const options& all) {
      return scalar{locate(all).*member};
    };
  }

  /// One of some names, without regard to case.
  template <class Member, class T>
  void one_of(std::string_view name, Member member, choices<T> known,
              setting_notes notes) {
    std::vector<std::string_view> names;
    for (const auto& each : known) {
      names.push_back(each.name);
    }
    add(name, scalar_type::text, list_of(names), notes);
    to_.back().assign = [locate = locate_, member, known](options& all,
                                                          const scalar& value) {
      const auto* given = std::get_if<std::string>(&value);
      for (const auto& each : known) {
        if (given != nullptr && same_name(trimmed(*given), each.name)) {
          locate(all).*member = each.value;
          return true;
        }
      }
      return false;
    };
    to_.back().read = [locate = locate_, member, known](const options& all) {
      for (const auto& each : known) {
        if (locate(all).*member == each.value) {
          return scalar{std::string{each.name}};
        }
      }
      return scalar{};
    };
  }

 private:
  void add(std::string_view name, scalar_type type, std::string accepted,
           setting_notes notes) {
    setting fresh;
    fresh.key = prefix_ + std::string{name};
    fresh.type = type;
    fresh.accepted = std::move(accepted);
    fresh.notes = notes;
    to_.push_back(std::move(fresh));
  }

  std::vector<setting>& to_;
  std::string prefix_;
  Locate locate_;
};

} // namespace dynamo
