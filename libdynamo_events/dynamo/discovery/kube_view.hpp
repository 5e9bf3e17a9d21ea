#pragma once

#include "dynamo/discovery/bucket_picture.hpp"
#include "dynamo/discovery/discovery.hpp"
#include "dynamo/discovery/kube_messages.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dynamo {

/// What is known of a namespace: the objects with records, who is ready, and
/// what follows for each bucket. A record is seen while its object is there, an
/// endpoint or container of that name is ready, and its pod owns the object.
///
/// An object whose data is missing keeps the records that it had; so does one
/// record that cannot be read.
class kube_view {
 public:
  explicit kube_view(const notice_sink& notice)
      : notice_(notice) {}

  /// Each is true, or the number of things, that are new to us.
  bool put_object(const kube_object& object);
  bool remove_object(const std::string& name);
  std::size_t keep_objects(const std::set<std::string>& names);

  /// Of a slice or pod of that name.
  bool put_ready(const std::string& source, std::vector<kube_ready> ready);
  bool remove_ready(const std::string& source);
  std::size_t keep_ready(const std::set<std::string>& sources);

  /// Everything was listed. Only then is the picture complete.
  void become_complete();
  void become_stale(const std::string& reason);

  const bucket_picture& picture(bucket where) const {
    return pictures_[static_cast<std::size_t>(where)];
  }
  std::uint64_t bad_records() const { return bad_records_; }

 private:
  struct entry {
    std::string uid;
    std::string version;
    std::vector<std::string> pod_uids;
    /// By the key under which they stand.
    std::map<bucket, std::map<std::string, record>> records;
  };

  void read_records(entry& one, const kube_object& object);
  std::optional<record> read(bucket where, const std::string& place,
                             const std::string& text);
  bool is_ready(const std::string& name, const entry& one) const;
  /// Brings the pictures in line with one object.
  void show(const std::string& name, entry& one);
  void refresh(const std::string& name);
  void claim(bucket where, const std::string& name, const record& value);
  void yield(bucket where, const std::string& name, const std::string& key);

  const notice_sink& notice_;
  std::map<std::string, entry> objects_;
  std::map<std::string, std::vector<kube_ready>> sources_;
  /// How many sources call it ready.
  std::map<kube_ready, std::size_t> ready_;
  bucket_picture pictures_[std::size(buckets)];
  /// Which objects have a record under a key; the first of them is seen.
  std::map<bucket, std::map<std::string, std::map<std::string, record>>>
      claims_;
  /// What each object shows: its keys.
  std::map<std::string, std::set<std::pair<bucket, std::string>>> shown_;
  /// Where a bad record stands, and its text.
  std::map<std::string, std::string> bad_;
  std::uint64_t bad_records_ = 0;
};

} // namespace dynamo
