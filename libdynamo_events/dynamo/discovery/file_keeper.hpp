#pragma once

#include "dynamo/discovery/discovery.hpp"
#include "dynamo/discovery/file_store.hpp"
#include "dynamo/discovery/file_timing.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace dynamo {

/// The files that this process owns, and what keeps them there.
class file_keeper {
 public:
  /// The references outlive this object.
  file_keeper(const file_store& store, const file_timing& timing,
              const notice_sink& notice);

  /// As discovery::advertise and discovery::withdraw.
  status advertise(const record& value, const file_moment& now);
  status withdraw(const record& value);
  void withdraw_all();

  /// Touches every file that is owned. One that has gone is put again, and so
  /// is one whose content was spoiled. One in whose place another process has
  /// put a record of the same key is left to that process until it goes.
  void keep_alive();

  bool owns(bucket where, const std::string& name) const;
  std::uint64_t owned() const { return files_.size(); }
  std::uint64_t republished() const { return republished_; }

 private:
  using place = std::pair<bucket, std::string>;

  struct file {
    std::string text;
    /// When it was last touched; another stamp means that somebody else was at
    /// the file.
    file_stamp stamp;
    /// The last attempt failed, and that was said.
    bool told = false;
  };

  status put(const place& at, file& owned, const file_moment& now);
  status take_over(const place& at, const file& owned, const file_moment& now);
  status keep(const place& at, file& owned);
  status put_again(const place& at, file& owned);
  status touch(const place& at, file& owned);
  bool is_foreign(const place& at, const file& owned) const;
  error taken(const place& at) const;

  const file_store& store_;
  const file_timing& timing_;
  const notice_sink& notice_;
  std::map<place, file> files_;
  std::uint64_t republished_ = 0;
};

} // namespace dynamo
