#include "dynamo/config/load.hpp"

#include <optional>
#include <string>
#include <vector>

#include "support/catch.hpp"

// Every combination of what flag, environment and file may say of the event
// plane, against rules that are written down a second time here.

using Catch::Matchers::Contains;
using dynamo::transport_kind;

namespace {

/// What one source says, and what that means.
struct statement {
  enum class meaning { nothing, nats, zmq, mistake };

  /// Nothing: the source is silent.
  std::optional<std::string> text;
  meaning means;
};

using meaning = statement::meaning;

const std::vector<statement> flags{{std::nullopt, meaning::nothing},
                                   {"nats", meaning::nats},
                                   {"zmq", meaning::zmq},
                                   {" ZMQ ", meaning::zmq},
                                   {"", meaning::mistake},
                                   {"kafka", meaning::mistake}};

const std::vector<statement> variables{
    {std::nullopt, meaning::nothing}, {"", meaning::nothing},
    {" \t ", meaning::nothing},       {"nats", meaning::nats},
    {"NATS", meaning::nats},          {"zmq", meaning::zmq},
    {"rabbit", meaning::mistake}};

const std::vector<statement> files{{std::nullopt, meaning::nothing},
                                   {"nats", meaning::nats},
                                   {"zmq", meaning::zmq},
                                   {"pulsar", meaning::mistake}};

struct combination {
  const statement& flag;
  const statement& variable;
  const statement& file;
};

/// Either a choice and its origin, or the place that an error must name.
struct verdict {
  std::optional<transport_kind> chosen;
  std::string place;
  /// The value that an error must show.
  std::string wrong;
};

verdict expected(const combination& row) {
  struct source {
    const statement& says;
    const char* place;
  };
  const source from_weakest[] = {{row.file, "file w.jsonc:1"},
                                 {row.variable, "environment DYN_EVENT_PLANE"},
                                 {row.flag, "flag --event-plane"}};
  verdict result{transport_kind::nats, "default", ""};
  for (const source& each : from_weakest) {
    if (each.says.means == meaning::mistake) {
      return {std::nullopt, each.place, *each.says.text};
    }
    if (each.says.means != meaning::nothing) {
      result = {each.says.means == meaning::nats ? transport_kind::nats
                                                 : transport_kind::zmq,
                each.place, ""};
    }
  }
  return result;
}

dynamo::load_request request_of(const combination& row) {
  dynamo::load_request request;
  if (row.file.text) {
    request.file = dynamo::named_text{"w.jsonc", "{\"event_plane\": \"" +
                                                     *row.file.text + "\"}"};
  }
  request.variables = [text = row.variable.text](
                          std::string_view name) -> std::optional<std::string> {
    return name == "DYN_EVENT_PLANE" ? text : std::nullopt;
  };
  if (row.flag.text) {
    request.flags = {{"--event-plane", "event_plane", *row.flag.text}};
  }
  return request;
}

void check_row(const combination& row) {
  CAPTURE(row.flag.text.value_or("(absent)"),
          row.variable.text.value_or("(unset)"),
          row.file.text.value_or("(absent)"));
  const verdict wanted = expected(row);
  const auto loaded = dynamo::load_options(request_of(row));
  if (wanted.chosen) {
    REQUIRE(loaded);
    CHECK(loaded->values.plane.transport == *wanted.chosen);
    CHECK(loaded->origins.at("event_plane") == wanted.place);
    return;
  }
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().code == dynamo::errc::invalid);
  // Errors leave out the word before a file's name.
  const std::string place =
      wanted.place.starts_with("file ") ? wanted.place.substr(5) : wanted.place;
  CHECK_THAT(loaded.error().message,
             Contains(place) &&
                 Contains("event_plane: expected \"nats\" or \"zmq\", got \"" +
                          wanted.wrong + "\""));
}

} // namespace

TEST_CASE(
    "every combination of sources selects the event plane as documented") {
  std::size_t rows = 0;
  for (const statement& flag : flags) {
    for (const statement& variable : variables) {
      for (const statement& file : files) {
        check_row({flag, variable, file});
        ++rows;
      }
    }
  }
  CHECK(rows == 6 * 7 * 4);
}
