#include "apps/events/commands.hpp"

#include <CLI/CLI.hpp>

#include <charconv>
#include <map>

namespace dynamo::apps {

namespace {

/// "123", or "0x7b" as discovery's file names have it.
std::uint64_t id_of(const std::string& text) {
  const bool hex = text.starts_with("0x");
  const char* begin = text.data() + (hex ? 2 : 0);
  const char* end = text.data() + text.size();
  std::uint64_t id = 0;
  const auto [stop, failure] = std::from_chars(begin, end, id, hex ? 16 : 10);
  if (failure != std::errc{} || stop != end) {
    throw CLI::ValidationError("expected an id such as 123 or 0x7b, got \"" +
                               text + "\"");
  }
  return id;
}

std::chrono::milliseconds from_seconds(double seconds) {
  return std::chrono::milliseconds{static_cast<std::int64_t>(seconds * 1000)};
}

// Long enough for everybody, and no sum with a clock overflows.
constexpr double timeout_s_max = 1e8;

void add_list(CLI::App& app, commands& out) {
  CLI::App* command = app.add_subcommand("list", "What discovery knows");
  command->add_option("--bucket", out.list.bucket, "What to list")
      ->type_name("NAME")
      ->check(CLI::IsMember(
          {"instances", "models", "event_channels", "event_sources", "all"}));
  command->add_flag("--watch", out.list.watch, "Go on with what changes");
  command->callback([&out] { out.chosen = commands::kind::list; });
  command->footer("\nExamples:\n"
                  "  dynamo-events list --discovery file\n"
                  "  dynamo-events list --bucket all --json\n"
                  "  dynamo-events list --bucket instances --watch\n");
}

void add_filter(CLI::App& command, event_filter& filter) {
  command
      .add_option_function<std::string>(
          "--publisher",
          [&filter](const std::string& text) {
            filter.publisher_id = id_of(text);
          },
          "Only this publisher's")
      ->type_name("ID");
  command
      .add_option_function<std::string>(
          "--worker",
          [&filter](const std::string& text) {
            filter.worker_id = id_of(text);
          },
          "Only of this worker")
      ->type_name("ID");
  command.add_option("--rank", filter.dp_rank, "Only of this rank")
      ->type_name("N");
  const std::map<std::string, kv_change> kinds{{"stored", kv_change::stored},
                                               {"removed", kv_change::removed},
                                               {"cleared", kv_change::cleared}};
  command
      .add_option_function<std::string>(
          "--kind",
          [&filter, kinds](const std::string& text) {
            filter.kind = kinds.at(text);
          },
          "Only these kv-events: stored, removed, cleared")
      ->type_name("KIND")
      ->check(CLI::IsMember({"stored", "removed", "cleared"}));
}

void add_tail(CLI::App& app, commands& out) {
  tail_command& tail = out.tail;
  CLI::App* command = app.add_subcommand("tail", "Events as they come");
  command->add_option("scope", tail.scope,
                      "NAMESPACE[/COMPONENT[/ENDPOINT]]; as configured");
  command->add_option("topics", tail.topics,
                      "kv-events kv_metrics forward-pass-metrics");
  add_filter(*command, tail.filter);
  command->add_option("--count", tail.count, "End after so many messages")
      ->type_name("N");
  command
      ->add_option_function<double>(
          "--timeout-s",
          [&tail](const double& seconds) {
            tail.timeout = from_seconds(seconds);
          },
          "End after so many seconds")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.0, timeout_s_max));
  command->add_flag("--quiet", tail.quiet,
                    "No word of gaps, connections, publishers");
  command->callback([&out] { out.chosen = commands::kind::tail; });
  command->footer(
      "\nExamples:\n"
      "  dynamo-events tail --event-plane zmq --discovery file\n"
      "  dynamo-events tail kv-events --kind cleared\n"
      "  dynamo-events tail dynamo/backend/generate kv-events --kind removed\n"
      "  dynamo-events tail --worker 7 --count 10 --timeout-s 30 --json\n");
}

void add_publish(CLI::App& app, commands& out) {
  publish_command& publish = out.publish;
  CLI::App* command = app.add_subcommand("publish", "Events from JSON");
  command->add_option("topic", publish.topic, "kv-events, kv_metrics, ...")
      ->required();
  command->add_option("json", publish.json,
                      "The event; -, as by default: one a line of stdin");
  command
      ->add_option("--scope", publish.scope, "Instead of the configuration's")
      ->type_name("SCOPE");
  command
      ->add_option("--wait-subscribers", publish.wait_subscribers,
                   "Wait for so many; 0: for nobody (1)")
      ->type_name("N");
  command
      ->add_option_function<double>(
          "--timeout-s",
          [&publish](const double& seconds) {
            publish.timeout = from_seconds(seconds);
          },
          "Wait at most so long (10)")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.0, timeout_s_max));
  command->add_option("--repeat", publish.repeat, "Each event so many times")
      ->type_name("N");
  command->callback([&out] { out.chosen = commands::kind::publish; });
  command->footer(
      "\nTopics that Dynamo does not know take {\"hex\": \"...\"}.\n"
      "\nExamples:\n"
      "  dynamo-events publish kv_metrics \\\n"
      "    '{\"worker_id\": 7, \"dp_rank\": 0, \"kv_used_blocks\": 300}'\n"
      "  dynamo-events publish kv-events '[{\"worker_id\": 7, \"event\":\n"
      "    {\"event_id\": 1, \"data\": {\"removed\": {\"block_hashes\": "
      "[1]}},\n"
      "     \"dp_rank\": 0}}]'\n"
      "  dynamo-events publish my-topic --wait-subscribers 0 < lines.json\n");
}

void add_decode(CLI::App& app, commands& out) {
  decode_command& decode = out.decode;
  CLI::App* command =
      app.add_subcommand("decode", "Bytes explained, also damaged ones");
  command->add_option("hex", decode.hex,
                      "Hex, or one for each part; -, as by default: stdin");
  command
      ->add_option("--file", decode.file, "Of hex, or of the bytes as they are")
      ->type_name("FILE");
  command->add_option("--topic", decode.topic, "Of a payload without envelope")
      ->type_name("TOPIC");
  const std::map<std::string, wire_form> forms{
      {"frame", wire_form::frame},
      {"envelope", wire_form::envelope},
      {"payload", wire_form::payload},
      {"parts", wire_form::parts}};
  command
      ->add_option_function<std::string>(
          "--as",
          [&decode, forms](const std::string& text) {
            decode.form = forms.at(text);
          },
          "frame, envelope, payload or parts")
      ->type_name("FORM")
      ->check(CLI::IsMember({"frame", "envelope", "payload", "parts"}));
  command->callback([&out] { out.chosen = commands::kind::decode; });
  command->footer(
      "\nExit status: 0 when it decodes, 1 when it is damaged.\n"
      "\nExamples:\n"
      "  dynamo-events decode 010000005885ac7075626c69...\n"
      "  dynamo-events decode 6b762d6576656e7473 0000000000000007 \\\n"
      "    0000000000000000 0100000058...\n"
      "  dynamo-events decode --topic kv_metrics --file payload.bin --json\n");
}

} // namespace

void add_commands(CLI::App& app, commands& out) {
  add_list(app, out);
  add_tail(app, out);
  add_publish(app, out);
  add_decode(app, out);
  app.require_subcommand(0, 1);
}

} // namespace dynamo::apps
