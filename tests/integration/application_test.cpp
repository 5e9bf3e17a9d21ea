#include <nlohmann/json.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "support/catch.hpp"

using namespace std::chrono_literals;

namespace {

constexpr auto deadline = 20s;

/// The probe as a child, with its stdout and stderr in pipes.
class child {
 public:
  explicit child(std::vector<std::string> words) {
    words.insert(words.begin(), DYNAMO_APP_PROBE);
    int out[2];
    int err[2];
    REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
    REQUIRE(::pipe2(err, O_CLOEXEC) == 0);
    std::vector<char*> argv;
    for (std::string& word : words) {
      argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(err[1], STDERR_FILENO);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(out[1]);
    ::close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  ~child() {
    if (!exited_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    close_output();
    ::close(err_);
  }

  /// What the process was started with, as the kernel has it.
  std::string environment() const {
    std::ifstream file{"/proc/" + std::to_string(pid_) + "/environ"};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  void signal(int number) const { ::kill(pid_, number); }
  void close_output() {
    ::close(out_);
    out_ = -1;
  }

  std::string read_line() { return read_until(out_, "\n"); }
  std::string errors() { return read_until(err_, ""); }

  int exit_code() {
    const auto end = std::chrono::steady_clock::now() + deadline;
    int status = 0;
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
      REQUIRE(std::chrono::steady_clock::now() < end);
      ::poll(nullptr, 0, 5);
    }
    exited_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }

 private:
  /// Until `stop` stands at the end, or to the end when it is empty.
  static std::string read_until(int fd, const std::string& stop) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    std::string text;
    while (stop.empty() || !text.ends_with(stop)) {
      REQUIRE(std::chrono::steady_clock::now() < end);
      pollfd ready{fd, POLLIN, 0};
      char letter = 0;
      if (::poll(&ready, 1, 100) > 0) {
        if (::read(fd, &letter, 1) <= 0) {
          break;
        }
        text += letter;
      }
    }
    return text;
  }

  pid_t pid_ = 0;
  int out_ = -1;
  int err_ = -1;
  bool exited_ = false;
};

} // namespace

#if defined(__GLIBC__) && !defined(DYNAMO_SANITIZED)

TEST_CASE("a program that serves HTTP starts with a small allocator") {
  child probe{{"--json", "--event-plane", "zmq", "--discovery", "file"}};
  CHECK(nlohmann::json::parse(probe.read_line())["event"] == "started");
  // The C library ends each setting with a zero byte as it reads them.
  CHECK(probe.environment().find(
            "GLIBC_TUNABLES=glibc.malloc.tcache_count=0") != std::string::npos);
  probe.signal(SIGTERM);
  CHECK(probe.exit_code() == 0);
}

#endif

TEST_CASE("a program says started, stops on a signal and ends with 0") {
  const int number = GENERATE(SIGTERM, SIGINT);
  child probe{{"--json", "--event-plane", "zmq", "--discovery", "file"}};

  const auto started = nlohmann::json::parse(probe.read_line());
  CHECK(started["event"] == "started");
  CHECK(started["program"] == "app-probe");
  CHECK(started["transport"] == "zmq");
  CHECK(started["discovery"] == "file");
  CHECK(started["answer"] == 42);
  CHECK(started["pid"].is_number_unsigned());
  CHECK(started["time_ms"].is_number_unsigned());

  probe.signal(number);
  CHECK(nlohmann::json::parse(probe.read_line())["event"] == "stopped");
  CHECK(probe.exit_code() == 0);
  CHECK_THAT(probe.errors(), Catch::Matchers::Contains(
                                 "info  app-probe: through the sink {}\n"));
}

TEST_CASE("a second signal ends a program at once") {
  child probe{{"--hang"}};
  REQUIRE(probe.read_line().starts_with("app-probe started:"));
  probe.signal(SIGTERM);
  REQUIRE(probe.read_line() == "hanging\n");
  probe.signal(SIGINT);
  CHECK(probe.exit_code() == 130);
}

TEST_CASE("a program stops when nobody reads what it says") {
  child probe{{"--fail", "late"}};
  REQUIRE(probe.read_line().starts_with("app-probe started:"));
  probe.close_output();
  probe.signal(SIGTERM);
  CHECK(probe.exit_code() == 1);
}

TEST_CASE("a program that fails after its start ends with 1") {
  child probe{{"--fail", "late"}};
  REQUIRE(probe.read_line().starts_with("app-probe started:"));
  probe.signal(SIGTERM);
  CHECK(probe.exit_code() == 1);
  CHECK_THAT(probe.errors(), Catch::Matchers::Contains("it broke"));
}

TEST_CASE("what a library throws ends a program with 1 and a message") {
  child probe{{"--fail", "throw"}};
  CHECK(probe.exit_code() == 1);
  CHECK_THAT(probe.errors(), Catch::Matchers::Contains("unexpected: "));
}

TEST_CASE("a program ends with 2 for what its configuration asks in vain") {
  child unsupported{{"--fail", "unsupported"}};
  CHECK(unsupported.exit_code() == 2);
  child wrong{{"--set", "zmq.send_hwm=many"}};
  CHECK(wrong.exit_code() == 2);
  CHECK(wrong.errors() ==
        "app-probe: flag --set zmq.send_hwm: zmq.send_hwm: expected an integer "
        "from 1 to 10000000, got \"many\"\n");
}
