#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace dynamo {

/// Why something failed that the outside world can cause. What only a bug can
/// cause is an assert and has no code here.
enum class errc {
  /// The bytes end before the value they announce does.
  truncated,
  /// The bytes or the text are not what the format says.
  malformed,
  /// A size, a count or a depth is beyond its limit.
  too_large,
  /// The version, kind or type is well formed, but not one that we know.
  unsupported,
  /// A configuration value, a flag or an argument is not acceptable.
  invalid,
  /// What was asked for is not there.
  not_found,
  /// What should be created is already there.
  exists,
  /// A peer, a server or a resource cannot be reached now; a retry may work.
  unavailable,
  /// The operating system or a library reported a failure.
  io,
  /// The object that should do it was already closed.
  closed,
};

/// The name of a code as it appears in logs: "truncated", "malformed", ...
std::string_view to_string(errc code);

/// A failure: its code, and a sentence that says what was expected and what
/// came, with the key, offset or peer.
struct [[nodiscard]] error {
  errc code;
  std::string message;
};

/// "truncated: frame payload: expected 40 bytes, got 12".
std::string to_string(const error& reason);

/// A value, or the reason why there is none.
template <class T>
class [[nodiscard]] result {
 public:
  result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}
  result(dynamo::error reason)
      : state_(std::in_place_index<1>, std::move(reason)) {}

  explicit operator bool() const noexcept { return state_.index() == 0; }

  /// The value. Only valid when this converts to true.
  T& operator*() & { return checked(); }
  const T& operator*() const& { return std::as_const(*this).checked(); }
  T&& operator*() && { return std::move(checked()); }
  T* operator->() { return &checked(); }
  const T* operator->() const { return &checked(); }

  /// The reason. Only valid when this converts to false.
  const dynamo::error& error() const& {
    assert(state_.index() == 1);
    return *std::get_if<1>(&state_);
  }
  dynamo::error&& error() && {
    assert(state_.index() == 1);
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  T& checked() {
    assert(state_.index() == 0);
    return *std::get_if<0>(&state_);
  }
  const T& checked() const {
    assert(state_.index() == 0);
    return *std::get_if<0>(&state_);
  }

  std::variant<T, dynamo::error> state_;
};

/// Success, or the reason for a failure. `ok()` makes a success.
class [[nodiscard]] status {
 public:
  status() = default;
  status(dynamo::error reason)
      : reason_(std::move(reason)) {}

  explicit operator bool() const noexcept { return !reason_; }

  /// The reason. Only valid when this converts to false.
  const dynamo::error& error() const {
    assert(reason_);
    return *reason_;
  }

 private:
  std::optional<dynamo::error> reason_;
};

inline status ok() {
  return {};
}

} // namespace dynamo
