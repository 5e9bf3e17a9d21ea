#include "dynamo/config/schema_parts.hpp"
#include "dynamo/config/schema_section.hpp"

namespace dynamo {

namespace {

constexpr auto kubernetes_of = [](auto& all) -> decltype(auto) {
  return (all.plane.discovery.kubernetes);
};

void add_kubernetes_access(std::vector<setting>& to) {
  section kube{to, "discovery.kubernetes.", kubernetes_of};
  kube.text("kubeconfig", &kubernetes_options::kubeconfig, 0,
            {"",
             "Files as kubectl has them, with colons between them; empty: the "
             "service account of the pod.",
             {"KUBECONFIG"}});
  kube.text("service_host", &kubernetes_options::service_host, 0,
            {"",
             "Where the API server is; every pod is told.",
             {"KUBERNETES_SERVICE_HOST"}});
  kube.text("service_port", &kubernetes_options::service_port, 0,
            {"", "And its port.", {"KUBERNETES_SERVICE_PORT"}});
  kube.text("account_directory", &kubernetes_options::account_directory, 1,
            {"", "Holds token, ca.crt and namespace of the service account. "
                 "The token is read again every 30 s."});
}

void add_kubernetes_identity(std::vector<setting>& to) {
  section kube{to, "discovery.kubernetes.", kubernetes_of};
  kube.one_of("mode", &kubernetes_options::mode,
              choices<kube_mode>{{"pod", kube_mode::pod},
                                 {"container", kube_mode::container}},
              {"",
               "What has an object of its own, and whose readiness counts; the "
               "same in all processes of a deployment.",
               {"DYN_KUBE_DISCOVERY_MODE"}});
  kube.text("identity_directory", &kubernetes_options::identity_directory, 0,
            {"", "Files of the downward API: pod_name, pod_uid, "
                 "pod_namespace. They win over the variables."});
  kube.text("pod_name", &kubernetes_options::pod_name, 0,
            {"", "The pod of this process.", {"POD_NAME"}});
  kube.text("pod_uid", &kubernetes_options::pod_uid, 0,
            {"", "Its uid.", {"POD_UID"}});
  kube.text("namespace", &kubernetes_options::ns, 0,
            {"",
             "Its namespace; empty: the service account's, or that of the "
             "kubeconfig.",
             {"POD_NAMESPACE"}});
  kube.text("container_name", &kubernetes_options::container_name, 0,
            {"",
             "The container of this process, for the mode \"container\".",
             {"CONTAINER_NAME"}});
  kube.text("main_container", &kubernetes_options::main_container, 1,
            {"", "The container whose object has the pod's name."});
  kube.text("field_manager", &kubernetes_options::field_manager, 1,
            {"", "Who writes. Processes that share an object need one each; "
                 "Dynamo's is \"dynamo-worker\"."});
}

void add_kubernetes_times(std::vector<setting>& to) {
  section kube{to, "discovery.kubernetes.", kubernetes_of};
  kube.duration("startup_timeout_ms", &kubernetes_options::startup_timeout,
                {1, 86'400'000},
                {"", "At the start, an API server that does not answer, or "
                     "refuses, is waited for so long."});
  kube.duration("connect_timeout_ms", &kubernetes_options::connect_timeout,
                {10, 600'000}, {"", "For each connection, TLS included."});
  kube.duration("request_timeout_ms", &kubernetes_options::request_timeout,
                {10, 600'000}, {"", "For each answer but those of watches."});
  kube.duration("relist_ms", &kubernetes_options::relist, {100, 86'400'000},
                {"", "How often everything is listed anew, for what a watch "
                     "has missed."});
  kube.integer("response_bytes_max", &kubernetes_options::response_bytes_max,
               {1024 * 1024, 0x7fffffff},
               {"bytes", "A larger answer is refused; lists come in pages of "
                         "500 objects."});
}

} // namespace

void add_kubernetes(std::vector<setting>& to) {
  add_kubernetes_access(to);
  add_kubernetes_identity(to);
  add_kubernetes_times(to);
}

} // namespace dynamo
