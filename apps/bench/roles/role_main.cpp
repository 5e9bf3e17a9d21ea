#include "apps/bench/roles/role_main.hpp"

#include "apps/bench/roles/codec_role.hpp"
#include "apps/bench/roles/index_role.hpp"
#include "apps/bench/roles/kv_roles.hpp"
#include "apps/bench/roles/roles.hpp"
#include "apps/bench/roles/route_role.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <csignal>
#include <functional>
#include <map>
#include <string>
#include <sys/prctl.h>

namespace dynamo::apps {

namespace {

const std::map<std::string, end_kind> end_kinds{{"raw", end_kind::raw},
                                                {"plane", end_kind::plane}};
const std::map<std::string, transport_kind> transport_names{
    {"zmq", transport_kind::zmq}, {"nats", transport_kind::nats}};
const std::map<std::string, end_caller> caller_names{
    {"thread", end_caller::thread}, {"actor", end_caller::actor}};

/// What the command line says.
struct role_flags {
  end_request end;
  std::uint64_t count = 100'000;
  double rate = 0;
  std::uint64_t burst = 1;
  kv_pub_options kv_pub;
  kv_index_options kv_index;
  index_options_of_bench index;
  codec_options codec;
  route_options route;
};

void add_end(CLI::App& app, end_request& to) {
  app.add_option("--kind", to.kind)
      ->transform(CLI::CheckedTransformer(end_kinds));
  app.add_option("--transport", to.transport)
      ->transform(CLI::CheckedTransformer(transport_names));
  app.add_option("--caller", to.caller)
      ->transform(CLI::CheckedTransformer(caller_names));
  app.add_option("--batch-max", to.batch_max);
  app.add_option("--topic", to.topic);
  app.add_option("--publishers", to.publishers);
  app.add_option("--size", to.payload_bytes);
  app.add_option("--endpoint", to.endpoints);
  app.add_flag("--of-workers", to.is_of_workers);
}

void add_rate(CLI::App& app, role_flags& to) {
  app.add_option("--count,--expect", to.count);
  app.add_option("--rate", to.rate);
  app.add_option("--burst", to.burst);
}

using role_body = std::function<status(role_console&)>;

role_body body_of(const std::string& verb, role_flags& flags) {
  if (verb == "pub") {
    return [&flags](role_console& console) {
      return run_pub({flags.end, flags.count, flags.rate, flags.burst},
                     console);
    };
  }
  if (verb == "sub") {
    return [&flags](role_console& console) {
      return run_sub({flags.end, flags.count}, console);
    };
  }
  if (verb == "echo") {
    return [&flags](role_console& console) {
      flags.end.is_for_latency = true;
      return run_echo(flags.end, console);
    };
  }
  if (verb == "ping") {
    return [&flags](role_console& console) {
      flags.end.is_for_latency = true;
      return run_ping({flags.end, flags.count, flags.rate}, console);
    };
  }
  if (verb == "kv-pub") {
    return [&flags](role_console& console) {
      flags.kv_pub.end = flags.end;
      flags.kv_pub.rate = flags.rate;
      return run_kv_pub(flags.kv_pub, console);
    };
  }
  if (verb == "index") {
    return [&flags](role_console& console) {
      return run_index_role(flags.index, console);
    };
  }
  if (verb == "route") {
    return [&flags](role_console& console) {
      flags.route.end = flags.end;
      flags.route.count = flags.count;
      flags.route.rate = flags.rate;
      return run_route(flags.route, console);
    };
  }
  if (verb == "codec") {
    return [&flags](role_console& console) {
      return run_codec(flags.codec, console);
    };
  }
  return [&flags](role_console& console) {
    flags.kv_index.end = flags.end;
    flags.kv_index.expected = flags.count;
    return run_kv_index(flags.kv_index, console);
  };
}

int failed(role_console& console, const std::string& reason) {
  console.say("failed", {{"reason", reason}});
  return 1;
}

} // namespace

int role_main(int argc, const char* const* argv) {
  CLI::App app{"One process of a measure; see apps/bench/README.md"};
  app.require_subcommand(1);
  role_flags flags;
  for (const char* verb :
       {"pub", "sub", "echo", "ping", "kv-pub", "kv-index", "route"}) {
    CLI::App* command = app.add_subcommand(verb);
    add_end(*command, flags.end);
    add_rate(*command, flags);
    if (std::string{verb} == "kv-pub") {
      add_kv_pub(*command, flags.kv_pub);
    } else if (std::string{verb} == "route") {
      add_route(*command, flags.route);
    }
  }
  CLI::App* index = app.add_subcommand("index");
  add_index(*index, flags.index);
  CLI::App* codec = app.add_subcommand("codec");
  add_codec(*codec, flags.codec);
  // All roles are told; these use no transport.
  for (CLI::App* command : {index, codec}) {
    command->add_option("--transport", flags.end.transport)
        ->transform(CLI::CheckedTransformer(transport_names));
  }
  // Whatever it does, it does not outlive who asked for it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  role_console console;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& mistake) {
    app.exit(mistake);
    return failed(console, mistake.what());
  }
  const std::string verb = app.get_subcommands().front()->get_name();
  const status done = body_of(verb, flags)(console);
  return done ? 0 : failed(console, to_string(done.error()));
}

} // namespace dynamo::apps
