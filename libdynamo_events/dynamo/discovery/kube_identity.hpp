#pragma once

#include "dynamo/base/error.hpp"
#include "dynamo/config/options.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace dynamo {

/// Who a process is to Kubernetes: the object that holds its records.
struct kube_identity {
  std::string pod;
  std::string pod_uid;
  /// The namespace of Kubernetes; may be empty.
  std::string ns;
  /// Name of the object: the pod's, or "<pod>-<container>" for a container that
  /// is not the main one.
  std::string object_name;
};

/// The id that Dynamo gives to the processes of an object: SipHash-1-3 with
/// keys of zero over the name and a byte 0xff, of which 53 bits are kept.
std::uint64_t kube_instance_id(std::string_view object_name);

/// From the files of the downward API where there are any, otherwise from the
/// options. errc::invalid names what is missing.
result<kube_identity> read_kube_identity(const kubernetes_options& options);

/// The text of a small file without the line break at its end; empty when it
/// cannot be read.
std::string text_of_file(const std::string& path);

} // namespace dynamo
