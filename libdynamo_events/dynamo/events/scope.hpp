#pragma once

#include "dynamo/base/error.hpp"

#include <compare>
#include <string>
#include <string_view>

namespace dynamo {

/// Which part of a deployment owns a stream.
enum class scope_kind { namespace_, component, endpoint };

/// A namespace, a component in one, or an endpoint of one. Scopes match only
/// when they are equal: a component does not contain its endpoints.
struct scope {
  scope_kind kind = scope_kind::namespace_;
  std::string ns;
  /// Empty in a namespace scope.
  std::string component;
  /// Empty in a namespace or component scope.
  std::string endpoint;

  static scope of_namespace(std::string ns);
  static scope of_component(std::string ns, std::string component);
  static scope of_endpoint(std::string ns, std::string component,
                           std::string endpoint);

  auto operator<=>(const scope&) const = default;
};

/// For people: "dynamo/backend/generate".
std::string to_string(const scope& owner);

/// Reads what to_string writes: one to three names between slashes. Names
/// that hold a slash themselves are percent-encoded there.
result<scope> scope_from(std::string_view text);

/// The subject of a stream (Dynamo 1.4 and later), every name encoded:
///
///   namespace.<ns>.<topic>
///   namespace.<ns>.component.<component>.<topic>
///   namespace.<ns>.component.<component>.endpoint.<endpoint>.<topic>
std::string subject_of(const scope& owner, std::string_view topic);

/// The subject without its topic, as NATS records carry it.
std::string subject_prefix_of(const scope& owner);

} // namespace dynamo
