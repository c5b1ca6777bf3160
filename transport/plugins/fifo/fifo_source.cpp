#include "fifo_source.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>

#include <cerrno>

#include "fifo_path.hpp"

namespace fifomq::fifo {

FifoSource::FifoSource(const FifoOptions& options, const LogSink& log)
    : endpoint_(options.endpoint),
      path_(options.path),
      end_with_writers_(options.end_with_writers),
      handle_(locate(options)),
      reader_(open_located(handle_, O_RDONLY)) {
  if (!reader_) throw core::system_error(errno, endpoint_, "open " + path_ + " to read");
  lock_reader(reader_, options);
  set_capacity(reader_, options, log);
  hold();
}

void FifoSource::hold() {
  if (end_with_writers_ || writer_) return;
  writer_ = open_located(handle_, O_WRONLY);
  if (!writer_) {
    throw core::system_error(errno, endpoint_,
                             "open " + path_ + " to write, which keeps it open between writers");
  }
}

void FifoSource::watch_writers(bool half_done) {
  if (half_done) {
    writer_.reset();
  } else {
    hold();
  }
}

void FifoSource::attach(core::Readiness& readiness) { readiness.watch(reader_.get(), EPOLLIN); }

core::IoResult FifoSource::read(std::span<std::byte> into) {
  while (true) {
    const core::IoResult result = core::read_some(reader_.get(), into);
    if (result.status != core::IoStatus::end) return result;
    // End of file also means that no writer has come yet. The kernel tells the two apart: a hang-up
    // is shown only after a writer was there.
    pollfd state{.fd = reader_.get(), .events = POLLIN, .revents = 0};
    ::poll(&state, 1, 0);
    if ((state.revents & POLLIN) != 0) continue;
    if ((state.revents & POLLHUP) == 0) return {core::IoStatus::would_block};
    if (end_with_writers_) return result;
    hold();
    return {core::IoStatus::no_peer};
  }
}

}  // namespace fifomq::fifo
