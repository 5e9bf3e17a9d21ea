#pragma once

#include "dynamo/discovery/record.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace dynamo {

/// How well a bucket is known.
enum class sight {
  /// Not seen yet.
  none,
  /// All of it is known.
  complete,
  /// It cannot be seen, or not all of it; what is known may be old.
  stale,
};

/// What a backend knows of one bucket. Every change gives it a new revision,
/// so that whoever was told of one revision can tell what is new.
class bucket_picture {
 public:
  struct entry {
    record value;
    /// The revision that brought this value.
    std::uint64_t revision = 0;
  };

  /// True when the record is new or differs from the one that was there.
  bool put(const std::string& key, record value);
  /// True when the key was there.
  bool erase(const std::string& key);
  void become_complete();
  void become_stale(std::string reason);

  const std::map<std::string, entry>& records() const { return records_; }
  std::uint64_t revision() const { return revision_; }
  dynamo::sight sight() const { return sight_; }
  /// The revision that brought the sight.
  std::uint64_t sight_revision() const { return sight_revision_; }
  /// Why the sight is stale.
  const std::string& reason() const { return reason_; }

 private:
  std::map<std::string, entry> records_;
  std::uint64_t revision_ = 0;
  dynamo::sight sight_ = dynamo::sight::none;
  std::uint64_t sight_revision_ = 0;
  std::string reason_;
};

} // namespace dynamo
