// fault_forks ENDPOINT JOURNAL FORKS MESSAGES SEED OTHER: a sender that forks again and again, with
// messages gathered and not gathered. Parent and children go on with it, each a writer with a slot
// of its own: 0 the parent, 1 ... FORKS the children. A child flushes; some then leave without a
// word, some kill themselves, some close the channel first. The parent also has a receiver open, at
// OTHER.
#include <sys/wait.h>
#include <unistd.h>

#include <fifomq/builtin.hpp>

#include "peers/content.hpp"
#include "peers/process.hpp"
#include "peers/records.hpp"

namespace {

using fifomq::Deadline;
using fifomq::SendResult;

class Writer {
 public:
  Writer(fifomq::Sender& sender, std::uint32_t id, faults::WriterSlot& slot)
      : sender_(sender), id_(id), slot_(slot) {}

  void send(std::uint64_t count, std::mt19937_64& random) {
    constexpr faults::Sizes kSizes{.least = 16, .most = 20'000};
    for (; count > 0; --count) {
      faults::fill({id_, static_cast<std::uint32_t>(++slot_.begun)}, kSizes.pick(random), payload_);
      if (sender_.send({.payload = payload_}, Deadline::never()) != SendResult::sent) {
        throw std::runtime_error("not sent");
      }
      ++slot_.accepted;
    }
  }

  void flush() {
    if (sender_.flush(Deadline::never()) != SendResult::sent) throw std::runtime_error("not left");
    slot_.settled = slot_.accepted;
  }

 private:
  fifomq::Sender& sender_;
  const std::uint32_t id_;
  faults::WriterSlot& slot_;
  std::vector<std::byte> payload_;
};

[[noreturn]] void be_child(std::unique_ptr<fifomq::Sender>& sender, std::uint32_t id,
                           faults::WriterSlot& slot, std::uint64_t messages,
                           std::mt19937_64 random) {
  faults::die_with_parent();
  try {
    random.discard(id);
    Writer writer(*sender, id, slot);
    writer.send(messages, random);
    writer.flush();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "child %u: %s\n", id, error.what());
    _exit(1);
  }
  if (id % 3 == 0) kill(getpid(), SIGKILL);
  if (id % 3 == 1) sender.reset();
  _exit(0);
}

int run(const std::vector<std::string>& arguments) {
  const fifomq::Registry registry = fifomq::builtin_transports();
  const auto forks = static_cast<std::uint32_t>(std::stoul(arguments[2]));
  const std::uint64_t messages = std::stoull(arguments[3]);
  std::mt19937_64 random(std::stoull(arguments[4]));
  faults::MappedArray<faults::WriterSlot> slots(arguments[1], forks + 1);
  const auto receiver = registry.open_receiver(arguments[5]);
  auto sender = registry.open_sender(arguments[0]);
  Writer parent(*sender, 0, slots[0]);
  for (std::uint32_t id = 1; id <= forks; ++id) {
    // One alone leaves at once; behind many, some have not left.
    parent.send(id % 2 == 0 ? 1 : messages, random);
    const pid_t child = fork();
    if (child == 0) be_child(sender, id, slots[id], messages, random);
    parent.send(messages, random);
    int status = 0;
    if (waitpid(child, &status, 0) != child || (WIFEXITED(status) && WEXITSTATUS(status) != 0)) {
      throw std::runtime_error("child " + std::to_string(id) + " failed");
    }
  }
  parent.flush();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return faults::run_main(argc, argv, "ENDPOINT JOURNAL FORKS MESSAGES SEED OTHER", 6, run);
}
