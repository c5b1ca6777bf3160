#include "spool_receiver.hpp"

#include <cerrno>
#include <utility>

#include <fifomq/error.hpp>

#include "core/framing.hpp"
#include "core/posix.hpp"

namespace fifomq::spool {
namespace {

// What was committed so long before a power failure may come again.
constexpr std::chrono::seconds kBetweenSyncs{1};

}  // namespace

const Capabilities kReceiverCapabilities{.carries_origin = true,
                                         .sequenced = true,
                                         .back_pressure = true,
                                         .waits_for_peer = true,
                                         .explicit_commit = true,
                                         .survives_power_loss = true};

SpoolReceiver::SpoolReceiver(Endpoint endpoint, SpoolOptions options, const OpenOptions& open)
    : endpoint_(std::move(endpoint)),
      options_(std::move(options)),
      log_(open.log),
      explicit_commit_(open.explicit_commit),
      folder_(options_),
      lock_(folder_.lock(SpoolFolder::End::receiver)),
      readiness_(endpoint_.text()),
      state_(folder_, options_),
      reader_(folder_, state_.written, options_, state_.committed.load(),
              core::notice_for(endpoint_, log_)),
      watch_(state_.written, readiness_, endpoint_.text()),
      shortage_(watch_, endpoint_.text(), log_),
      left_(open.take_at_most) {
  if (log_ && !state_.committed.load()) {
    log_(LogLevel::warning, endpoint_.text() +
                                ": how far it was read is not known any more; what "
                                "still stands there comes again");
  }
  commit_to(reader_.position());
  readiness_.signal();
}

SpoolReceiver::~SpoolReceiver() {
  if (!readiness_.is_copy() && owes_sync()) state_.committed.sync();
}

Capabilities SpoolReceiver::capabilities() const {
  Capabilities capabilities = as_synced(kReceiverCapabilities, options_);
  capabilities.explicit_commit = explicit_commit_;
  return capabilities;
}

int SpoolReceiver::poll_fd() {
  watch_.arm_for_poll();
  return readiness_.fd();
}

void SpoolReceiver::check_owner() const {
  if (!readiness_.is_copy()) return;
  throw Error(Errc::in_use, endpoint_.text(),
              "a forked child cannot use its parent's end of a spool; it takes another spool");
}

ReceiveResult SpoolReceiver::receive(MessageView& message, Deadline deadline) {
  check_owner();
  bool looked = false;
  for (bool late = false; !readiness_.closed();) {
    if (left_ == 0) {
      readiness_.signal();
      return ReceiveResult::end_of_stream;
    }
    if (look(message, deadline)) return ReceiveResult::received;
    if (!std::exchange(looked, true)) {
      readiness_.clear();
      if (!deadline.expired()) watch_.arm();
      watch_.drain();
      continue;
    }
    // What was stepped over is done with.
    if (received_ == done_with_) commit_to(reader_.position());
    if (late || !readiness_.wait(deadline)) return ReceiveResult::timed_out;
    late = deadline.expired();
    looked = false;
  }
  return ReceiveResult::closed;
}

bool SpoolReceiver::look(MessageView& message, Deadline deadline) {
  try {
    const bool found = look_on(message, deadline);
    shortage_.end();
    return found;
  } catch (const UsedUp& used_up) {
    shortage_.begin(used_up.error());
    return false;
  }
}

// Damage must not hold the caller beyond its deadline, but one look is due.
bool SpoolReceiver::look_on(MessageView& message, Deadline deadline) {
  constexpr int kBetweenLooks = 64;
  log_of_commits_.make_room();
  for (int looks = 1;; ++looks) {
    switch (reader_.next(message)) {
      case RecordReader::Look::message:
        hand_out();
        return true;
      case RecordReader::Look::nothing:
        return false;
      case RecordReader::Look::progress:
        break;
    }
    if (looks % kBetweenLooks == 0 && deadline.expired()) return false;
  }
}

void SpoolReceiver::hand_out() {
  ++received_;
  if (left_) --*left_;
  readiness_.stay_signalled();
  log_of_commits_.add({.inlet = 0, .floor = reader_.position()});
  if (!explicit_commit_) {
    done_with_ = received_;
    log_of_commits_.commit(received_, [](const auto&) {});
    commit_to(reader_.position());
  }
}

void SpoolReceiver::commit(std::uint64_t n) {
  if (!explicit_commit_) return;
  check_owner();
  std::uint64_t position = committed_;
  log_of_commits_.commit(n, [&](const core::CommitLog::Entry& entry) {
    position = entry.floor;
    ++done_with_;
  });
  commit_to(position);
}

void SpoolReceiver::commit_to(std::uint64_t position) {
  if (position > committed_) {
    committed_ = position;
    const int error = state_.committed.save(position);
    if (error != 0)
      throw core::system_error(error, endpoint_.text(), "write down what is done with");
    is_synced_ = false;
  }
  remove_passed();
  sync_committed();
}

void SpoolReceiver::remove_passed() {
  auto& passed = reader_.passed();
  while (!passed.empty() && passed.front().end <= committed_) {
    folder_.remove(passed.front().segment);
    passed.pop_front();
  }
}

void SpoolReceiver::sync_committed() {
  if (!owes_sync() || !next_sync_.expired()) return;
  is_synced_ = true;
  next_sync_ = Deadline::after(kBetweenSyncs);
  const int error = state_.committed.sync();
  if (error == 0) return;
  throw core::system_error(error, endpoint_.text(), "bring to the disk what is done with");
}

void SpoolReceiver::stop_taking() {
  left_ = 0;
  readiness_.signal();
}

}  // namespace fifomq::spool
