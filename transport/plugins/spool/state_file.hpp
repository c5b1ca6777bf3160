// Two numbers that one process keeps in a file and others look at: written in place, in one write,
// with a checksum.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/unique_fd.hpp"

namespace fifomq::spool {

enum class Access { look, own };

class StateFile {
 public:
  struct State {
    std::uint64_t first = 0;
    std::uint64_t second = 0;
  };

  // `folder` is the descriptor of its folder. To own, makes the file, with zeros in it, where it is
  // missing: to write it again takes no more room on the disk. Throws Error.
  StateFile(int folder, const std::string& name, const std::string& endpoint, Access access);

  // Nothing when what stands there is damaged, or half written.
  std::optional<State> load() const;
  // The errno of a write that failed, after which either state may stand there; or 0.
  int save(const State& state) noexcept;
  // To the disk: the same.
  int sync() noexcept;

  const std::string& name() const { return name_; }

  // For inotify_add_watch.
  std::string proc_path() const { return "/proc/self/fd/" + std::to_string(file_.get()); }

 private:
  std::string name_;
  core::UniqueFd file_;
};

}  // namespace fifomq::spool
