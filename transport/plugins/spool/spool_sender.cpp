#include "spool_sender.hpp"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include <fifomq/error.hpp>

#include "core/frame.hpp"
#include "core/posix.hpp"
#include "core/send_errors.hpp"

namespace fifomq::spool {

const Capabilities kSenderCapabilities{.carries_origin = true,
                                       .sequenced = true,
                                       .back_pressure = true,
                                       .waits_for_peer = true,
                                       .acknowledges = true,
                                       .survives_power_loss = true};

SpoolSender::SpoolSender(Endpoint endpoint, SpoolOptions options, LogSink log)
    : endpoint_(std::move(endpoint)),
      options_(std::move(options)),
      log_(std::move(log)),
      folder_(options_),
      lock_(folder_.lock(SpoolFolder::End::sender)),
      readiness_(endpoint_.text()),
      writer_(folder_, options_),
      watch_(writer_.committed_file(), readiness_, endpoint_.text()),
      shortage_(watch_, endpoint_.text(), log_) {
  readiness_.signal();
  if (options_.sync == Sync::never) return;
  // Here, since later there may be no descriptor for it.
  flusher_ = std::make_unique<core::Flusher>(endpoint_.text(), [this](bool) { return turn(); });
  writer_.tell_later();
}

// What was sent is in the kernel, and for a forked child it is its parent's.
SpoolSender::~SpoolSender() {
  if (readiness_.is_copy()) {
    if (flusher_) core::Flusher::leave_to_parent(std::move(flusher_));
    return;
  }
  flusher_.reset();
  writer_.mark().tell();
  if (options_.sync != Sync::never && failure_ == 0) sync();
}

int SpoolSender::poll_fd() {
  watch_.arm_for_poll();
  return readiness_.fd();
}

void SpoolSender::check_usable() const {
  if (readiness_.is_copy()) {
    throw Error(Errc::in_use, endpoint_.text(),
                "a forked child cannot use its parent's end of a spool; it takes another spool");
  }
  if (failure_ == 0) return;
  throw core::system_error(failure_, endpoint_.text(),
                           "bring what was sent to the disk (what is not settled has to be sent "
                           "again, after a restart)");
}

SendResult SpoolSender::send(const MessageView& message, Deadline deadline) {
  core::check_size(message, options_.max_message, endpoint_);
  if (const char* why = core::refusal(message)) throw core::not_representable(why, endpoint_);
  check_usable();
  MessageView stamped = message;
  if (!message.origin) stamped.origin = stamp_.peek();
  const std::uint64_t size = writer_.prepare(stamped);
  // What throws does so before the message is in the spool.
  if (next_unsynced_.empty()) next_unsynced_.emplace_back();
  bool looked = false;
  for (bool late = false; !readiness_.closed();) {
    check_usable();
    if (has_room(size) && offer()) {
      if (!message.origin) stamp_.next();
      accept();
      return SendResult::sent;
    }
    if (!std::exchange(looked, true)) {
      readiness_.clear();
      if (!deadline.expired()) watch_.arm();
      watch_.drain();
      continue;
    }
    if (late || !readiness_.wait(deadline)) return SendResult::timed_out;
    late = deadline.expired();
    looked = false;
  }
  return SendResult::closed;
}

bool SpoolSender::has_room(std::uint64_t size) {
  const auto fits = [&] {
    return writer_.waiting() == 0 || writer_.waiting() + size <= options_.size_bytes;
  };
  if (fits()) return true;
  writer_.look_at_committed();
  return fits();
}

// False when what it takes cannot be had now.
bool SpoolSender::offer() {
  const int error = writer_.append();
  if (error == 0) {
    shortage_.end();
    return true;
  }
  if (!Shortage::is_cause(error)) {
    throw core::system_error(error, endpoint_.text(), "write to the spool");
  }
  shortage_.begin(error);
  return false;
}

void SpoolSender::accept() {
  ++counters_.messages_received;
  ++counters_.messages_delivered;
  counters_.bytes_out = writer_.end() - began_at_;
  readiness_.stay_signalled();
  if (options_.sync == Sync::never) return;
  if (writer_.take_owes_telling()) flusher_->arm();
  const std::lock_guard lock(mutex_);
  accepted_ = counters_.messages_received;
  if (unsynced_.empty() || unsynced_.back() != writer_.file()) {
    next_unsynced_.front() = writer_.file();
    unsynced_.splice(unsynced_.end(), next_unsynced_);
  }
  unsynced_name_ |= writer_.take_new_name();
  if (std::exchange(armed_, true)) return;
  due_ = Deadline::after(options_.interval);
  flusher_->arm();
}

core::Flusher::Next SpoolSender::turn() {
  writer_.mark().tell_if_due();
  core::Flusher::Next next = sync_turn();  // takes as long as the disk does
  const auto until_telling = writer_.mark().tell_if_due();
  if (until_telling && (!next.pause || *until_telling < *next.pause)) next.pause = until_telling;
  return next;
}

core::Flusher::Next SpoolSender::sync_turn() {
  {
    const std::lock_guard lock(mutex_);
    if (!armed_ || failure_ != 0) return {};
    if (!due_.expired()) return {.pause = due_.remaining()};
  }
  sync();
  const std::lock_guard lock(mutex_);
  armed_ = failure_ == 0 && !unsynced_.empty();
  if (!armed_) return {};
  due_ = Deadline::after(options_.interval);
  return {.pause = options_.interval};
}

// All that was accepted before, together. What has failed once is never tried again: the kernel
// takes it for written.
void SpoolSender::sync() {
  std::unique_lock lock(mutex_);
  const auto files = std::exchange(unsynced_, {});
  const bool new_name = std::exchange(unsynced_name_, false);
  const std::uint64_t accepted = accepted_;
  lock.unlock();
  int error = 0;
  for (const auto& file : files) {
    if (error == 0 && fdatasync(file->get()) != 0) error = errno;
  }
  if (error == 0 && new_name && fsync(folder_.fd()) != 0) error = errno;
  if (error == 0) {
    durable_ = accepted;
    return;
  }
  failure_ = error;
  readiness_.signal();
}

SendResult SpoolSender::flush(Deadline) {
  if (readiness_.closed()) return SendResult::closed;
  check_usable();
  writer_.mark().tell();
  return SendResult::sent;
}

std::uint64_t SpoolSender::settled() const {
  return options_.sync == Sync::always ? durable_.load() : counters_.messages_delivered;
}

}  // namespace fifomq::spool
