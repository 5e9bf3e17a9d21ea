#include "dynamo/discovery/kube_access.hpp"

#include <filesystem>
#include <fstream>

#include "support/catch.hpp"

namespace {

using namespace dynamo;
using namespace std::chrono_literals;

struct access_test {
  access_test() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "kubeconfig-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    directory = pattern;
  }
  ~access_test() { std::filesystem::remove_all(directory); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream{directory + '/' + name} << text;
    return directory + '/' + name;
  }
  result<kube_access> read(const std::string& text) const {
    kubernetes_options options;
    options.kubeconfig = write("config", text);
    return find_kube_access(options);
  }
  std::string failure(const std::string& text) const {
    const auto found = read(text);
    REQUIRE_FALSE(found);
    return found.error().message;
  }

  std::string directory;
};

const std::string context = R"(
current-context: here
contexts:
- name: there
  context: {cluster: other, user: other}
- name: here
  context: {cluster: one, user: me, namespace: team-a}
)";

const std::string cluster = R"(
clusters:
- name: one
  cluster:
    server: https://10.0.0.1:6443
    certificate-authority: pki/ca.crt
)";

} // namespace

TEST_CASE("a kubeconfig in YAML says where and as whom") {
  const access_test t;
  const auto found = t.read(context + cluster + R"(
users:
- name: me
  user: {token: secret}
)");
  REQUIRE(found);
  CHECK(found->server == "https://10.0.0.1:6443");
  CHECK(found->ca == t.directory + "/pki/ca.crt");
  CHECK(found->token == "secret");
  CHECK(found->ns == "team-a");
  CHECK(found->is_verified);
}

TEST_CASE("a kubeconfig in JSON, with data in place of paths") {
  const access_test t;
  const auto found = t.read(R"({"current-context":"c",
    "contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}],
    "clusters":[{"name":"k","cluster":{"server":"https://[::1]:1",
      "certificate-authority-data":"LS0tLS1CRUdJTiBY",
      "tls-server-name":"kubernetes.default.svc"}}],
    "users":[{"name":"u","user":{"client-certificate-data":"Y2VydA==",
      "client-key-data":"a2V5"}}]})");
  REQUIRE(found);
  CHECK(found->ca == "-----BEGIN X");
  CHECK(found->certificate == "cert");
  CHECK(found->key == "key");
  CHECK(found->server_name == "kubernetes.default.svc");
  CHECK(found->ns.empty());
}

TEST_CASE("several kubeconfigs are read as one, the first wins") {
  const access_test t;
  kubernetes_options options;
  options.kubeconfig = t.write("a", context) + ':' + t.write("b", cluster) +
                       "::" + t.write("c", R"(
current-context: there
users:
- name: me
  user: {tokenFile: token}
)");
  const auto found = find_kube_access(options);
  REQUIRE(found);
  CHECK(found->server == "https://10.0.0.1:6443");
  CHECK(found->token_file == t.directory + "/token");
}

TEST_CASE("what is wrong in a kubeconfig is named") {
  const access_test t;
  kubernetes_options none;
  none.kubeconfig = t.directory + "/none";
  REQUIRE_FALSE(find_kube_access(none));
  CHECK(find_kube_access(none).error().message.find("none (KUBECONFIG)") !=
        std::string::npos);

  const auto names = [&](const std::string& text, const std::string& what) {
    const std::string said = t.failure(text);
    CAPTURE(said, what);
    CHECK(said.find(what) != std::string::npos);
  };
  names("[1, 2", "YAML or JSON");
  names("just text", "expected a kubeconfig");
  names(cluster, "current-context");
  names("current-context: nobody\n" + cluster,
        "\"contexts\" has no \"nobody\"");
  names(context, "\"clusters\" has no \"one\"");
  names(context + cluster, "\"users\" has no \"me\"");
  names(context + cluster + "users: [{name: me, user: {exec: {}}}]\n",
        "\"exec\"");
  names(context + cluster +
            "users: [{name: me, user: {client-key-data: '!'}}]\n",
        "base64");
  names(context + cluster + "users: [{name: me, user: {client-key: a}}]\n",
        "or neither");
  names(context + "clusters: [{name: one, cluster: {server: here}}]\n",
        "\"server\"");
}

TEST_CASE("without a kubeconfig the pod's service account is used") {
  const access_test t;
  kubernetes_options options;
  options.account_directory = t.directory;
  auto found = find_kube_access(options);
  REQUIRE_FALSE(found);
  CHECK(found.error().message.find("KUBECONFIG") != std::string::npos);

  options.service_host = "fd00::1";
  options.service_port = "443";
  found = find_kube_access(options);
  REQUIRE_FALSE(found);
  CHECK(found.error().message.find("/ca.crt") != std::string::npos);

  t.write("ca.crt", "x");
  t.write("token", "first\n");
  t.write("namespace", "team-b");
  found = find_kube_access(options);
  REQUIRE(found);
  CHECK(found->server == "https://[fd00::1]:443");
  CHECK(found->ns == "team-b");
}

TEST_CASE("a token is read again when it is due, or doubted") {
  const access_test t;
  kube_access access;
  access.token_file = t.write("token", "first\n");
  kube_token token{access, 30s};
  const kube_token::clock_time begin{1h};
  CHECK(token.text(begin) == "first");
  t.write("token", "second");
  CHECK(token.text(begin + 29s) == "first");
  CHECK(token.text(begin + 30s) == "second");
  t.write("token", "third");
  token.doubt();
  CHECK(token.text(begin + 31s) == "third");
  // While it is being replaced it may be empty, or missing.
  std::filesystem::remove(access.token_file);
  token.doubt();
  CHECK(token.text(begin + 32s) == "third");
}
