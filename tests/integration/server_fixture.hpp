#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>

#include "support/catch.hpp"

// What tests with real servers share: directories and certificates.

namespace dynamo::test {

/// Goes with all that is in it.
class temporary_directory {
 public:
  temporary_directory() {
    std::string name =
        (std::filesystem::temp_directory_path() / "server-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  std::string operator/(const std::string& name) const {
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream file{path};
  file << text;
}

inline std::string read_file(const std::string& path) {
  std::ifstream file{path};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Certificates made for one test.
struct certificates {
  temporary_directory directory;

  certificates() {
    run("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca "
        "-keyout ca.key -out ca.pem");
    run("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other "
        "-keyout other.key -out other.pem");
    write_file(directory / "san", "subjectAltName=IP:127.0.0.1,DNS:localhost");
    issue("server", "-days 2");
  }

  /// A certificate for 127.0.0.1 that the ca has signed.
  void issue(const std::string& name, const std::string& validity) const {
    run("openssl req -newkey rsa:2048 -nodes -subj /CN=" + name + " -keyout " +
        name + ".key -out " + name + ".csr");
    run("openssl x509 -req -in " + name + ".csr -CA ca.pem -CAkey ca.key " +
        "-CAcreateserial -extfile san " + validity + " -out " + name + ".pem");
  }

  std::string path(const std::string& name) const { return directory / name; }

 private:
  void run(const std::string& command) const {
    const std::string line =
        "cd " + directory / "" + " && " + command + " >log 2>&1";
    INFO(line);
    const int ended = std::system(line.c_str());
    INFO(read_file(directory / "log"));
    REQUIRE(ended == 0);
  }
};

} // namespace dynamo::test
