#include "dynamo/discovery/kube_identity.hpp"

#include <bit>
#include <cstddef>
#include <fstream>
#include <iterator>

namespace dynamo {

namespace {

// What JSON numbers hold exactly everywhere.
constexpr std::uint64_t id_mask = 0x001f'ffff'ffff'ffff;

/// SipHash (Aumasson and Bernstein, 2012) with one round for each word and
/// three at the end, and keys of zero.
class sip_hash_1_3 {
 public:
  void add(std::uint64_t word) {
    v3_ ^= word;
    round();
    v0_ ^= word;
  }

  std::uint64_t end(std::uint64_t last_word) {
    add(last_word);
    v2_ ^= 0xff;
    round();
    round();
    round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  void round() {
    v0_ += v1_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v3_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ += v3_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ += v1_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_ = 0x736f6d6570736575;
  std::uint64_t v1_ = 0x646f72616e646f6d;
  std::uint64_t v2_ = 0x6c7967656e657261;
  std::uint64_t v3_ = 0x7465646279746573;
};

/// Up to eight bytes, the first of them lowest.
std::uint64_t word_of(std::string_view bytes) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    word |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return word;
}

/// What the pod's own files say, or what the options do.
std::string known_as(const std::string& directory, const std::string& file,
                     const std::string& otherwise) {
  std::string text =
      directory.empty() ? std::string{} : text_of_file(directory + '/' + file);
  return text.empty() ? otherwise : text;
}

} // namespace

std::uint64_t kube_instance_id(std::string_view object_name) {
  std::string bytes{object_name};
  bytes.push_back('\xff');
  const std::uint64_t length = bytes.size();
  std::string_view rest{bytes};
  sip_hash_1_3 hash;
  for (; rest.size() >= 8; rest.remove_prefix(8)) {
    hash.add(word_of(rest.substr(0, 8)));
  }
  return hash.end(word_of(rest) | length << 56) & id_mask;
}

std::string text_of_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  while (text.ends_with('\n') || text.ends_with('\r')) {
    text.pop_back();
  }
  return text;
}

result<kube_identity> read_kube_identity(const kubernetes_options& options) {
  const std::string& files = options.identity_directory;
  kube_identity who;
  who.pod = known_as(files, "pod_name", options.pod_name);
  who.pod_uid = known_as(files, "pod_uid", options.pod_uid);
  who.ns = known_as(files, "pod_namespace", options.ns);
  if (who.pod.empty() || who.pod_uid.empty()) {
    return error{errc::invalid,
                 std::string{"kubernetes discovery: expected the "} +
                     (who.pod.empty() ? "name" : "uid") +
                     " of this pod, in the file " + files +
                     (who.pod.empty() ? "/pod_name or in POD_NAME"
                                      : "/pod_uid or in POD_UID") +
                     " (downward API)"};
  }
  who.object_name = who.pod;
  if (options.mode == kube_mode::container) {
    if (options.container_name.empty()) {
      return error{errc::invalid,
                   "kubernetes discovery: expected the container's name in "
                   "CONTAINER_NAME, for DYN_KUBE_DISCOVERY_MODE is container"};
    }
    if (options.container_name != options.main_container) {
      who.object_name += '-' + options.container_name;
    }
  }
  return who;
}

} // namespace dynamo
