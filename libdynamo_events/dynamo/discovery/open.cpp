#include "dynamo/discovery/open.hpp"

#include "dynamo/base/ids.hpp"
#include "dynamo/discovery/etcd.hpp"
#include "dynamo/discovery/file.hpp"
#include "dynamo/discovery/kubernetes.hpp"
#include "dynamo/discovery/memory.hpp"

#include <utility>

namespace dynamo {

result<std::unique_ptr<discovery>>
make_discovery(const discovery_options& options, notice_sink notice,
               stop_check gives_up) {
  switch (options.backend) {
  case discovery_kind::etcd:
    return make_etcd_discovery(
        {options.etcd, std::move(notice), std::move(gives_up), {}});
  case discovery_kind::file:
    return make_file_discovery(options.file, random_publisher_id(),
                               std::move(notice));
  case discovery_kind::memory:
    return make_memory_discovery(std::make_shared<memory_store>(),
                                 random_publisher_id());
  case discovery_kind::kubernetes:
    break;
  }
  return make_kubernetes_discovery(
      {options.kubernetes, std::move(notice), std::move(gives_up), {}});
}

} // namespace dynamo
