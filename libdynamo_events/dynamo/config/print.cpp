#include "dynamo/config/print.hpp"

#include "dynamo/config/schema.hpp"
#include "dynamo/config/secret.hpp"

#include <algorithm>
#include <functional>
#include <string_view>
#include <vector>

namespace dynamo {

namespace {

constexpr std::size_t columns = 80;

using setting_iterator = std::vector<setting>::const_iterator;

/// How one key looks: lines above it, and what stands behind it.
struct remarks {
  std::function<std::string(const setting&, std::string_view indent)> above;
  std::function<std::string(const setting&)> behind;
};

/// Prints the settings of [first, last), which share the first `from`
/// characters of their keys, as the inside of an object.
void print_level(std::string& out, setting_iterator first,
                 setting_iterator last, std::size_t from,
                 const std::pair<const options&, const remarks&>& what) {
  const auto depth =
      1 + std::count(first->key.begin(),
                     first->key.begin() + static_cast<std::ptrdiff_t>(from),
                     '.');
  const std::string indent(2 * static_cast<std::size_t>(depth), ' ');
  while (first != last) {
    const std::size_t dot = first->key.find('.', from);
    if (dot == std::string::npos) {
      const setting& each = *first++;
      out += what.second.above(each, indent) + indent + '"' +
             each.key.substr(from) +
             "\": " + to_json(without_secret(each, each.read(what.first))) +
             (first == last ? "" : ",") + what.second.behind(each) + "\n";
      continue;
    }
    const std::string prefix = first->key.substr(0, dot + 1);
    const auto end = std::find_if_not(first, last, [&](const setting& each) {
      return each.key.starts_with(prefix);
    });
    out += indent + '"' + prefix.substr(from, dot - from) + "\": {\n";
    print_level(out, first, end, dot + 1, what);
    out += indent + (end == last ? "}\n" : "},\n");
    first = end;
  }
}

std::string print_all(const options& values, const remarks& style) {
  const std::vector<setting> all = schema();
  std::string out = "{\n";
  print_level(out, all.begin(), all.end(), 0, {values, style});
  return out + "}\n";
}

/// Breaks text into comment lines.
std::string comment(std::string_view text, std::string_view indent) {
  std::string out;
  std::string line;
  const auto flush = [&] {
    out += std::string{indent} + "//" + line + "\n";
    line.clear();
  };
  while (!text.empty()) {
    const std::size_t length = std::min(text.find(' '), text.size());
    if (indent.size() + 2 + line.size() + 1 + length > columns) {
      flush();
    }
    line += ' ' + std::string{text.substr(0, length)};
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  flush();
  return out;
}

std::string describe(const setting& each, std::string_view indent) {
  std::string facts = each.accepted;
  if (!each.notes.unit.empty()) {
    facts += ", in " + std::string{each.notes.unit};
  }
  if (const auto& variable = each.notes.variable; !variable.name.empty()) {
    facts += "; " + std::string{variable.name};
    if (!each.notes.older.name.empty()) {
      facts += " or " + std::string{each.notes.older.name};
    }
    if (variable.scale != 1) {
      facts += " times " + std::to_string(variable.scale);
    }
  }
  if (each.notes.hidden != secrecy::none) {
    facts += each.notes.hidden == secrecy::all ? "; never shown"
                                               : "; passwords are never shown";
  }
  if (facts.front() >= 'a' && facts.front() <= 'z') {
    facts.front() = static_cast<char>(facts.front() - 'a' + 'A');
  }
  return comment(each.notes.summary, indent) + comment(facts + ".", indent);
}

} // namespace

std::string print_options(const loaded_options& loaded) {
  const remarks style{
      [](const setting&, std::string_view) { return std::string{}; },
      [&](const setting& each) {
        const auto origin = loaded.origins.find(each.key);
        return " // " + (origin == loaded.origins.end() ? std::string{"default"}
                                                        : origin->second);
      }};
  return print_all(loaded.values, style);
}

std::string print_reference() {
  const remarks style{describe, [](const setting&) { return std::string{}; }};
  // Not a temporary: GCC 12 with -O3 takes parts of one for uninitialised.
  const options defaults;
  return "// Every key with its default. A flag goes before the environment,\n"
         "// that before the file, and that before the default. Every program\n"
         "// accepts every section, so that one file can serve all of them;\n"
         "// a key that does not stand here is an error.\n" +
         print_all(defaults, style);
}

} // namespace dynamo
