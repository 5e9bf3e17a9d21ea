#pragma once

#include "apps/bench/child_process.hpp"
#include "apps/bench/contender.hpp"
#include "apps/bench/role_process.hpp"
#include "dynamo/base/error.hpp"
#include "dynamo/config/options.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dynamo::apps {

/// Where the processes of one trial meet: a directory or an etcd of its own for
/// discovery, a nats-server of its own where it takes one, and the environment
/// that leads to both. All of it goes with this object.
class stage {
 public:
  enum class store { file, etcd };

  static result<std::unique_ptr<stage>> open(transport_kind transport,
                                             store records = store::file);
  ~stage();
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  /// Starts `program role verb flags...`, the contender's flags included.
  result<role_process> start(const contender& who, const std::string& verb,
                             std::vector<std::string> flags);

  transport_kind transport() const { return transport_; }
  /// Where the stderr of all processes is.
  std::string log_path() const { return directory_ + "/log"; }

  /// Kills the nats-server.
  void stop_server() { server_.reset(); }
  /// Starts another one at the same port.
  status start_server_again();

 private:
  stage(transport_kind transport, std::string directory)
      : transport_(transport)
      , directory_(std::move(directory)) {}
  status start_server(const std::string& port);
  status start_etcd();

  const transport_kind transport_;
  const std::string directory_;
  std::map<std::string, std::string> environment_;
  std::optional<child_process> server_;
  std::string server_url_;
  std::optional<child_process> etcd_;
};

} // namespace dynamo::apps
