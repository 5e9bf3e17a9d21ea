#include "dynamo/events/scope_v1_3.hpp"

#include "dynamo/base/percent.hpp"
#include "dynamo/events/topic.hpp"

namespace dynamo {

namespace {

std::string plain(std::string_view name) {
  std::string text;
  for (const char each : name) {
    const bool is_bad = static_cast<unsigned char>(each) <= ' ' ||
                        each == '*' || each == '>' || each == '\x7f';
    text += is_bad ? percent_encode({&each, 1}, percent_keep::segment)
                   : std::string{each};
  }
  return text;
}

} // namespace

scope scope_v1_3_of(const scope& owner, std::string_view topic) {
  if (owner.kind != scope_kind::endpoint) {
    return owner;
  }
  return topic == topics::kv_metrics
             ? scope::of_namespace(owner.ns)
             : scope::of_component(owner.ns, owner.component);
}

std::string subject_prefix_v1_3_of(const scope& owner, std::string_view topic) {
  const scope had = scope_v1_3_of(owner, topic);
  const std::string prefix = "namespace." + plain(had.ns);
  return had.kind == scope_kind::namespace_
             ? prefix
             : prefix + ".component." + plain(had.component);
}

std::string subject_v1_3_of(const scope& owner, std::string_view topic) {
  return subject_prefix_v1_3_of(owner, topic) + "." + plain(topic);
}

} // namespace dynamo
