#include "dynamo/discovery/kube_identity.hpp"

#include <filesystem>
#include <fstream>

#include "support/catch.hpp"

namespace {

using namespace dynamo;

/// A directory of the downward API, as a pod has it.
struct podinfo {
  podinfo() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "podinfo-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    directory = pattern;
  }
  ~podinfo() { std::filesystem::remove_all(directory); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream{directory + '/' + name} << text;
  }

  std::string directory;
};

kubernetes_options options_with(const std::string& directory) {
  kubernetes_options options;
  options.identity_directory = directory;
  return options;
}

} // namespace

TEST_CASE("instance ids are those that Dynamo makes of names") {
  CHECK(kube_instance_id("my-pod") == 1946204189446897);
  CHECK(kube_instance_id("worker-0") == 1186445869714687);
  CHECK(kube_instance_id("worker-0-main") == 7505336919248649);
  CHECK(kube_instance_id("dynamo-vllm-worker-7f9c4d5b6-abcde") ==
        1699678685548511);
  CHECK(kube_instance_id("a") == 7688582637611507);
  CHECK(kube_instance_id("") == 121655548788207);
}

TEST_CASE("files of the downward API win over variables") {
  const podinfo files;
  kubernetes_options options = options_with(files.directory);
  options.pod_name = "named";
  options.pod_uid = "uid-1";
  options.ns = "there";
  auto who = read_kube_identity(options);
  REQUIRE(who);
  CHECK(who->pod == "named");
  CHECK(who->object_name == "named");

  files.write("pod_name", "written\n");
  files.write("pod_uid", "uid-2\n");
  files.write("pod_namespace", "here");
  who = read_kube_identity(options);
  REQUIRE(who);
  CHECK(who->pod == "written");
  CHECK(who->pod_uid == "uid-2");
  CHECK(who->ns == "here");
}

TEST_CASE("what is missing of an identity is named") {
  kubernetes_options options = options_with("/nowhere");
  auto who = read_kube_identity(options);
  REQUIRE_FALSE(who);
  CHECK(who.error().code == errc::invalid);
  CHECK(who.error().message.find("POD_NAME") != std::string::npos);
  options.pod_name = "p";
  who = read_kube_identity(options);
  REQUIRE_FALSE(who);
  CHECK(who.error().message.find("POD_UID") != std::string::npos);
}

TEST_CASE("containers have objects of their own, but the main one") {
  kubernetes_options options = options_with("/nowhere");
  options.pod_name = "w-0";
  options.pod_uid = "u";
  options.container_name = "engine-b";
  CHECK(read_kube_identity(options)->object_name == "w-0");
  options.mode = kube_mode::container;
  CHECK(read_kube_identity(options)->object_name == "w-0-engine-b");
  options.container_name = "main";
  CHECK(read_kube_identity(options)->object_name == "w-0");
  options.main_container = "other";
  CHECK(read_kube_identity(options)->object_name == "w-0-main");
  options.container_name.clear();
  const auto who = read_kube_identity(options);
  REQUIRE_FALSE(who);
  CHECK(who.error().message.find("CONTAINER_NAME") != std::string::npos);
}
