#include "dynamo/events/scope.hpp"

#include "dynamo/base/percent.hpp"

#include <vector>

namespace dynamo {

namespace {

std::string segment(std::string_view name) {
  return percent_encode(name, percent_keep::segment);
}

} // namespace

scope scope::of_namespace(std::string ns) {
  return {scope_kind::namespace_, std::move(ns), {}, {}};
}

scope scope::of_component(std::string ns, std::string component) {
  return {scope_kind::component, std::move(ns), std::move(component), {}};
}

scope scope::of_endpoint(std::string ns, std::string component,
                         std::string endpoint) {
  return {scope_kind::endpoint, std::move(ns), std::move(component),
          std::move(endpoint)};
}

std::string to_string(const scope& owner) {
  std::string text = segment(owner.ns);
  if (owner.kind != scope_kind::namespace_) {
    text += '/' + segment(owner.component);
  }
  if (owner.kind == scope_kind::endpoint) {
    text += '/' + segment(owner.endpoint);
  }
  return text;
}

result<scope> scope_from(std::string_view text) {
  const auto refused = [&] {
    return error{errc::invalid,
                 "scope: expected namespace[/component[/endpoint]], got \"" +
                     std::string{text} + '"'};
  };
  std::vector<std::string> names;
  std::string_view rest = text;
  while (true) {
    const auto slash = rest.find('/');
    auto name = percent_decode(rest.substr(0, slash));
    if (!name || name->empty() || names.size() == 3) {
      return refused();
    }
    names.push_back(*std::move(name));
    if (slash == std::string_view::npos) {
      break;
    }
    rest.remove_prefix(slash + 1);
  }
  switch (names.size()) {
  case 1:
    return scope::of_namespace(names[0]);
  case 2:
    return scope::of_component(names[0], names[1]);
  default:
    return scope::of_endpoint(names[0], names[1], names[2]);
  }
}

std::string subject_prefix_of(const scope& owner) {
  std::string subject = "namespace." + segment(owner.ns);
  if (owner.kind != scope_kind::namespace_) {
    subject += ".component." + segment(owner.component);
  }
  if (owner.kind == scope_kind::endpoint) {
    subject += ".endpoint." + segment(owner.endpoint);
  }
  return subject;
}

std::string subject_of(const scope& owner, std::string_view topic) {
  return subject_prefix_of(owner) + '.' + segment(topic);
}

} // namespace dynamo
