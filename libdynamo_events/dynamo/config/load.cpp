#include "dynamo/config/load.hpp"

#include "dynamo/config/pairs.hpp"
#include "dynamo/config/schema.hpp"
#include "dynamo/config/secret.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <utility>

namespace dynamo {

namespace {

constexpr std::size_t file_bytes_max = 1024 * 1024;

/// Collects values from one source after the other, the weakest first.
class loader {
 public:
  loader()
      : schema_(schema()) {
    for (const setting& each : schema_) {
      loaded_.origins.emplace(each.key, "default");
    }
  }

  status take_file(const named_text& file);
  status take_environment(const environment& variables);
  status take_flags(const std::vector<flag_value>& flags);

  loaded_options take() && { return std::move(loaded_); }

 private:
  const setting* find(std::string_view key) const;
  bool is_section(std::string_view key) const;
  bool is_preset(std::string_view key) const;
  error unknown_key(const std::string& place, std::string_view key) const;
  error refused(const std::string& place, const setting& known,
                const scalar& value) const;
  error refused_text(const std::string& place, const setting& known,
                     const scalar& value) const;
  status take_entry(const std::string& place, const json_entry& entry);
  status take_variable(const setting& known, const environment_variable& from,
                       std::string_view text);
  status take_variables(const setting& known, const environment& variables);
  status take_flag(const flag_value& flag);
  bool assign(const setting& known, const scalar& value,
              const std::string& place);

  std::vector<setting> schema_;
  loaded_options loaded_;
};

/// Stores a value, and of a preset the places of what it changed.
bool loader::assign(const setting& known, const scalar& value,
                    const std::string& place) {
  std::vector<scalar> before;
  for (const std::string& key : known.sets) {
    before.push_back(find(key)->read(loaded_.values));
  }
  if (!known.assign(loaded_.values, value)) {
    return false;
  }
  loaded_.origins[known.key] = place;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (find(known.sets[i])->read(loaded_.values) != before[i]) {
      loaded_.origins[known.sets[i]] = place;
    }
  }
  return true;
}

status loader::take_file(const named_text& file) {
  auto entries = read_json(file);
  if (!entries) {
    return std::move(entries).error();
  }
  // A file is read from the top but for the presets, so that keys go before
  // them wherever they stand.
  std::stable_partition(
      entries->begin(), entries->end(),
      [this](const json_entry& entry) { return is_preset(entry.key); });
  for (const json_entry& entry : *entries) {
    const std::string place = file.name + ":" + std::to_string(entry.line);
    if (status taken = take_entry(place, entry); !taken) {
      return taken;
    }
  }
  return ok();
}

status loader::take_entry(const std::string& place, const json_entry& entry) {
  const setting* known = find(entry.key);
  if (known == nullptr && !is_section(entry.key)) {
    return unknown_key(place, entry.key);
  }
  if (known == nullptr) {
    if (entry.value == scalar{json_container::object}) {
      return ok();
    }
    return error{errc::invalid, place + ": " + entry.key +
                                    ": expected an object, got " +
                                    to_message(entry.value)};
  }
  return assign(*known, entry.value, "file " + place)
             ? ok()
             : refused(place, *known, entry.value);
}

status loader::take_environment(const environment& variables) {
  if (!variables) {
    return ok();
  }
  for (const bool presets : {true, false}) {
    for (const setting& known : schema_) {
      if (known.sets.empty() == presets) {
        continue;
      }
      if (status taken = take_variables(known, variables); !taken) {
        return taken;
      }
    }
  }
  return ok();
}

/// The variables of one key, the weaker one first.
status loader::take_variables(const setting& known,
                              const environment& variables) {
  const setting_notes& notes = known.notes;
  environment_variable older = notes.variable;
  older.name = notes.older.name;
  for (const environment_variable& each : {older, notes.variable}) {
    const auto text = each.name.empty() ? std::nullopt : variables(each.name);
    if (!text || trimmed(*text).empty()) {
      continue;
    }
    if (status taken = take_variable(known, each, trimmed(*text)); !taken) {
      return taken;
    }
    if (each.name == notes.older.name &&
        notes.older.is == older_variable::standing::deprecated) {
      loaded_.warnings.push_back("environment " + std::string{each.name} +
                                 ": deprecated; use " +
                                 std::string{notes.variable.name});
    }
  }
  return ok();
}

status loader::take_variable(const setting& known,
                             const environment_variable& from,
                             std::string_view text) {
  const std::string place = "environment " + std::string{from.name};
  const scalar given = scalar_from(known.type, text);
  if (assign(known, scaled(given, from.scale), place)) {
    return ok();
  }
  error reason = refused_text(place, known, given);
  if (from.scale != 1) {
    reason.message += " times " + std::to_string(from.scale);
  }
  if (from.on_bad == environment_variable::bad_value::ignore) {
    loaded_.warnings.push_back(reason.message + "; ignored");
    return ok();
  }
  return reason;
}

status loader::take_flags(const std::vector<flag_value>& flags) {
  for (const bool presets : {true, false}) {
    for (const flag_value& each : flags) {
      if (is_preset(each.key) != presets) {
        continue;
      }
      if (status taken = take_flag(each); !taken) {
        return taken;
      }
    }
  }
  return ok();
}

status loader::take_flag(const flag_value& flag) {
  const std::string place = "flag " + flag.flag;
  const setting* known = find(flag.key);
  if (known == nullptr) {
    return unknown_key(place, flag.key);
  }
  const scalar given = scalar_from(known->type, flag.text);
  if (!assign(*known, scaled(given, flag.scale), place)) {
    error reason = refused_text(place, *known, given);
    if (flag.scale != 1) {
      reason.message += " times " + std::to_string(flag.scale);
    }
    return reason;
  }
  if (!flag.instead.empty()) {
    loaded_.warnings.push_back(place + ": deprecated; use " + flag.instead);
  }
  return ok();
}

bool loader::is_preset(std::string_view key) const {
  const setting* known = find(key);
  return known != nullptr && !known->sets.empty();
}

const setting* loader::find(std::string_view key) const {
  const auto found =
      std::find_if(schema_.begin(), schema_.end(),
                   [key](const setting& each) { return each.key == key; });
  return found == schema_.end() ? nullptr : &*found;
}

bool loader::is_section(std::string_view key) const {
  const std::string prefix = std::string{key} + ".";
  return std::any_of(schema_.begin(), schema_.end(), [&](const setting& each) {
    return each.key.starts_with(prefix);
  });
}

error loader::unknown_key(const std::string& place,
                          std::string_view key) const {
  // The nearest section that exists says what it accepts.
  std::string_view parent = key;
  do {
    const std::size_t dot = parent.rfind('.');
    parent = parent.substr(0, dot == std::string_view::npos ? 0 : dot);
  } while (!parent.empty() && !is_section(parent));
  const std::size_t from = parent.empty() ? 0 : parent.size() + 1;
  std::string accepted;
  std::set<std::string> seen;
  for (const setting& each : schema_) {
    if (!parent.empty() && !each.key.starts_with(std::string{parent} + ".")) {
      continue;
    }
    std::string name = each.key.substr(from, each.key.find('.', from) - from);
    if (seen.insert(name).second) {
      accepted += (accepted.empty() ? "" : ", ") + name;
    }
  }
  const std::string where =
      parent.empty() ? "the top level" : std::string{parent};
  std::string shown = to_message(std::string{key});
  shown = shown.substr(1, shown.size() - (shown.ends_with('"') ? 2 : 1));
  return {errc::invalid, place + ": " + shown + ": unknown key; " + where +
                             " accepts " + accepted};
}

error loader::refused(const std::string& place, const setting& known,
                      const scalar& value) const {
  return {errc::invalid, place + ": " + known.key + ": expected " +
                             known.accepted + ", got " +
                             (known.notes.hidden == secrecy::all
                                  ? "a value that is not shown"
                                  : to_message(without_secret(known, value)))};
}

error loader::refused_text(const std::string& place, const setting& known,
                           const scalar& value) const {
  setting spelled = known;
  if (known.type == scalar_type::boolean) {
    spelled.accepted += " (or 1, on, yes, 0, off, no)";
  }
  return refused(place, spelled, value);
}

} // namespace

result<named_text> read_config_file(const std::string& path) {
  errno = 0;
  std::ifstream file{path, std::ios::binary};
  std::string text(file_bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (!file.is_open() || file.bad()) {
    const int code = errno;
    return error{code == ENOENT ? errc::not_found : errc::io,
                 "cannot read " + path + ": " + std::strerror(code)};
  }
  if (text.size() > file_bytes_max) {
    return error{errc::too_large, path + ": expected at most " +
                                      std::to_string(file_bytes_max) +
                                      " bytes"};
  }
  return named_text{path, std::move(text)};
}

result<loaded_options> load_options(const load_request& request) {
  loader sources;
  if (request.file) {
    if (status taken = sources.take_file(*request.file); !taken) {
      return taken.error();
    }
  }
  if (status taken = sources.take_environment(request.variables); !taken) {
    return taken.error();
  }
  if (status taken = sources.take_flags(request.flags); !taken) {
    return taken.error();
  }
  loaded_options loaded = std::move(sources).take();
  if (status checked = check_pairs(loaded); !checked) {
    return checked.error();
  }
  return loaded;
}

} // namespace dynamo
