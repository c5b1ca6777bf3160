#include "ending.hpp"

#include <sys/eventfd.h>

#include <cerrno>

#include "core/posix.hpp"

namespace fifomq {

Ending::Ending() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) throw core::system_error(errno, "", "make an event");
}

void Ending::announce() {
  has_come_ = true;
  [[maybe_unused]] const int written = eventfd_write(event_.get(), 1);
}

}  // namespace fifomq
