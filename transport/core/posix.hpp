// The system calls that every byte stream needs, with their errors put into words.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string>

#include <fifomq/error.hpp>
#include <fifomq/message.hpp>

namespace fifomq::core {

// The one place where an errno becomes an Error: `action` says what was tried ("open /run/app/in").
Error system_error(int error, const std::string& endpoint, const std::string& action);

// Whether it means that this process, or the system, has no descriptor or no memory left now.
bool is_used_up(int error) noexcept;

// A millisecond, for who would be called again at once, for nothing: leaves the processor to those
// that can give back what is missing.
void rest() noexcept;

// What stands in a file of /proc or /sys; empty where it cannot be read.
std::string read_text(const char* path);

enum class IoStatus {
  done,         // `count` bytes were moved, at least one
  would_block,  // none now
  no_room,      // more stands there, and can be read once something has been taken away
  no_peer,      // nobody reads at the other end
  end,          // nobody writes at the other end, and all that was written has been read
  failed,       // `error` says why
};

struct IoResult {
  IoStatus status;
  std::size_t count = 0;
  int error = 0;
};

// What a failed call means. While the kernel is out of memory (a pipe's pages count in the memory
// of its writer's control group) nothing is lost: would_block, after a millisecond.
IoResult io_failure(int error) noexcept;

// read(2) and write(2), repeated on EINTR. Writing to a pipe without a reader gives no_peer and
// raises no SIGPIPE, whatever its disposition.
IoResult read_some(int fd, std::span<std::byte> into) noexcept;
IoResult write_some(int fd, ByteView from) noexcept;

// vmsplice(2): gives the pages to a pipe, as many as it has room for, each whole or not at all.
// They must not be written to again. Where the system does not let us, it fails with an error that
// stays.
IoResult splice_some(int fd, std::span<const iovec> pages) noexcept;

}  // namespace fifomq::core
