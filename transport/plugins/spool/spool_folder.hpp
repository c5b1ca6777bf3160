// The folder of a spool: which files stand in it, and who has which end.
//
//   BASE-SALT.segment   messages, one record behind the other. BASE is the place of the first one
//                       in the stream of all segments, SALT a random number, both in hexadecimal.
//                       A file is only ever added to, by the process that made it.
//   written             where the segment that is written to begins, and where its records end
//   committed.0, .1     up to where messages are done with; twice, in case one is damaged
//   sender.lock, receiver.lock
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fifomq/error.hpp>

#include "committed.hpp"
#include "core/unique_fd.hpp"
#include "record.hpp"
#include "spool_options.hpp"
#include "state_file.hpp"

namespace fifomq::spool {

inline constexpr mode_t kFileMode = 0600;

// With the zero behind it.
inline constexpr std::size_t kNameBytes = 34;

struct Segment {
  std::uint32_t salt = 0;
  std::uint64_t base = 0;

  // Takes no memory: what has to be done with a file is done also when there is none.
  std::array<char, kNameBytes> name() const noexcept;
};

// No descriptor is left, or no memory: the same may succeed later.
class UsedUp final : public Error {
 public:
  UsedUp(int error, Error what) : Error(std::move(what)), error_(error) {}
  int error() const noexcept { return error_; }

 private:
  int error_;
};

class SpoolFolder {
 public:
  enum class End { sender, receiver };

  // Makes the folder, for the caller alone, if it is missing. Throws Error: not_found, wrong_type,
  // permission_denied where others may write to it.
  explicit SpoolFolder(const SpoolOptions& options);
  // One that is there already, to be looked at.
  static SpoolFolder existing(const SpoolOptions& options);

  int fd() const { return folder_.get(); }

  // Takes that end, until the result is closed. Throws Error (in_use).
  core::UniqueFd lock(End end) const;
  // Who has it; 0 where nobody has, or nothing says so.
  pid_t owner(End end) const;

  // By their place in the stream. Throws Error, and UsedUp.
  std::vector<Segment> segments() const;
  // To read; invalid where it is gone. Throws Error, and UsedUp.
  core::UniqueFd open(const Segment& segment) const;
  void remove(const Segment& segment) const noexcept;

 private:
  SpoolFolder(const SpoolOptions& options, core::UniqueFd folder);
  [[noreturn]] void fail(int error, const std::string& action) const;

  std::string endpoint_;
  std::string path_;
  core::UniqueFd folder_;
};

// The files with the numbers of both ends.
struct SpoolState {
  // To own, makes what is missing: a spool where nothing was ever sent is committed up to its
  // beginning. Throws Error.
  SpoolState(const SpoolFolder& folder, const SpoolOptions& options, Access access = Access::own);

  StateFile written;
  Committed committed;
};

// Throws what opening would throw, and makes nothing.
void check_folder(const SpoolOptions& options);

}  // namespace fifomq::spool
