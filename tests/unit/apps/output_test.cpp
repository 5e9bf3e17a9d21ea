#include "apps/app/output.hpp"

#include <nlohmann/json.hpp>

#include <csignal>
#include <string>
#include <unistd.h>

#include "support/catch.hpp"

using dynamo::apps::output;
using dynamo::apps::output_mode;

namespace {

class pipe_pair {
 public:
  pipe_pair() { REQUIRE(::pipe(ends_) == 0); }
  ~pipe_pair() {
    close_reader();
    ::close(ends_[1]);
  }
  int writer() const { return ends_[1]; }
  std::string read() const {
    char buffer[4096];
    const ssize_t count = ::read(ends_[0], buffer, sizeof buffer);
    return {buffer, static_cast<std::size_t>(count)};
  }
  void close_reader() {
    ::close(ends_[0]);
    ends_[0] = -1;
  }

 private:
  int ends_[2] = {-1, -1};
};

} // namespace

TEST_CASE("an event is one JSON line with its time") {
  const pipe_pair pipe;
  const dynamo::manual_clock clock{std::chrono::milliseconds{1234}};
  output out{pipe.writer(), output_mode::json_lines, clock, {}};

  out.event("joined", {{"worker_id", 7}, {"name", "a\nb"}}, "unused");
  out.event("bare", nlohmann::json::object(), "");

  CHECK(pipe.read() ==
        "{\"event\":\"joined\",\"time_ms\":1234,\"name\":\"a\\nb\","
        "\"worker_id\":7}\n{\"event\":\"bare\",\"time_ms\":1234}\n");
}

TEST_CASE("an event is its text in readable mode, and silent without") {
  const pipe_pair pipe;
  const dynamo::manual_clock clock;
  output out{pipe.writer(), output_mode::readable, clock, {}};

  out.event("joined", {{"worker_id", 7}}, "worker 7 joined");
  out.event("detail", {{"worker_id", 7}}, "");
  out.line("end");

  CHECK(pipe.read() == "worker 7 joined\nend\n");
}

TEST_CASE("output says once that its reader has gone") {
  std::signal(SIGPIPE, SIG_IGN);
  pipe_pair pipe;
  const dynamo::manual_clock clock;
  int closed = 0;
  output out{pipe.writer(), output_mode::readable, clock, [&] { ++closed; }};
  pipe.close_reader();

  out.line("a");
  out.line("b");

  CHECK(closed == 1);
}
