// fault_nursery library|foreign TARGET JOURNAL FIRST COUNT SEED least=N most=N [exact=1]
// [checked=1] [life=MICROSECONDS] [messages=N]: writers FIRST ... FIRST+COUNT-1, one after another,
// each a process of its own that is killed with SIGKILL. JOURNAL has a slot for each.
//   library  messages through the library, N or endless ones
//   foreign  up to three whole frames through plain writes, and a part of one more, of least...most
// Killed at a random instant; with exact=1 at a random place between two calls.
#include <fcntl.h>
#include <sys/wait.h>

#include <limits>
#include <thread>

#include <fifomq/builtin.hpp>

#include "peers/content.hpp"
#include "peers/hooks.hpp"
#include "peers/process.hpp"
#include "peers/records.hpp"
#include "support/wire.hpp"

namespace {

using faults::WriterSlot;

struct Settings {
  bool foreign = false;
  std::string target;
  faults::Sizes sizes;
  bool exact = false;
  bool checked = false;
  std::uint64_t life = 2000;
  std::uint32_t messages = std::numeric_limits<std::uint32_t>::max();
};

std::uint64_t up_to(std::mt19937_64& random, std::uint64_t most) {
  return std::uniform_int_distribution<std::uint64_t>(0, most)(random);
}

[[noreturn]] void die() {
  kill(getpid(), SIGKILL);
  std::abort();
}

[[noreturn]] void pause_for_ever() {
  while (true) pause();
}

// One process's life as a library writer.
void write_with_library(const Settings& settings, std::uint32_t writer, WriterSlot& slot,
                        std::mt19937_64& random) {
  constexpr std::uint64_t kMostPieces = 60;
  const fifomq::Registry registry = fifomq::builtin_transports();
  const auto sender = registry.open_sender(settings.target);
  faults::count_bytes_in(slot);
  if (settings.exact) faults::die_after_pieces(up_to(random, kMostPieces));
  std::vector<std::byte> payload;
  for (std::uint32_t number = 1; number <= settings.messages; ++number) {
    faults::fill({writer, number}, settings.sizes.pick(random), payload);
    ++slot.begun;
    if (sender->send({.payload = payload}, fifomq::Deadline::never()) != fifomq::SendResult::sent) {
      std::exit(1);
    }
    slot.settled = sender->settled();
    slot.accepted = number;
    slot.bytes_settled = slot.bytes;
  }
  pause_for_ever();
}

class ForeignWriter {
 public:
  ForeignWriter(const Settings& settings, std::uint32_t writer, WriterSlot& slot,
                std::mt19937_64& random)
      : settings_(settings),
        writer_(writer),
        slot_(slot),
        random_(random),
        pipe_(open(settings.target.c_str(), O_WRONLY | O_CLOEXEC)) {
    if (pipe_ < 0) throw std::system_error(errno, std::generic_category(), settings.target);
  }

  void live() {
    constexpr std::size_t kGoodMost = 20'000;
    // At least. One byte alone is, once in 256 times, what the next writer begins with; then the
    // frame is whole, and nobody can tell.
    constexpr std::size_t kMissing = 8;
    const std::uint64_t good = up_to(random_, 3);
    for (std::uint32_t number = 1; number <= good; ++number) {
      const std::string frame =
          frame_of(number, faults::Sizes{.least = 16, .most = kGoodMost}.pick(random_));
      ++slot_.begun;
      write_all(frame);
      slot_.good_bytes += frame.size();
      slot_.accepted = number;
    }
    // At a random instant: while this goes on; one that gets through all of them ends itself.
    const std::string torn =
        frame_of(static_cast<std::uint32_t>(good + 1), settings_.sizes.pick(random_));
    write_all(torn.substr(0, 1 + up_to(random_, torn.size() - 1 - kMissing)));
    if (!settings_.exact) pause_for_ever();
    die();
  }

 private:
  std::string frame_of(std::uint32_t number, std::size_t size) {
    using namespace fifomq::test;
    faults::fill({writer_, number}, size, payload_);
    const std::string fields = tag(3, 1) + word(std::uint64_t{writer_} + 1) +
                               varint_field(4, number) + payload_field(fifomq::as_text(payload_));
    return delimited(settings_.checked ? checked_body(fields) : unchecked_body(fields));
  }

  // In pieces, as standard output libraries write.
  void write_all(std::string_view data) {
    constexpr std::size_t kMostAtOnce = 65'536;
    while (!data.empty()) {
      const std::size_t piece = std::min<std::size_t>(data.size(), 1 + up_to(random_, kMostAtOnce));
      const ssize_t written = write(pipe_, data.data(), piece);
      if (written < 0) throw std::system_error(errno, std::generic_category(), "write");
      slot_.bytes += static_cast<std::uint64_t>(written);
      data.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  const Settings& settings_;
  const std::uint32_t writer_;
  WriterSlot& slot_;
  std::mt19937_64& random_;
  const int pipe_;
  std::vector<std::byte> payload_;
};

[[noreturn]] void be_writer(const Settings& settings, std::uint32_t writer, WriterSlot& slot,
                            std::uint64_t seed) {
  faults::die_with_parent();
  slot.pid = static_cast<std::uint64_t>(getpid());
  std::mt19937_64 random(seed);
  try {
    if (settings.foreign) {
      ForeignWriter(settings, writer, slot, random).live();
    } else {
      write_with_library(settings, writer, slot, random);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "writer %u: %s\n", writer, error.what());
  }
  std::exit(1);
}

// A random instant is nothing that could be waited for.
void wait_a_while(const Settings& settings, const WriterSlot& slot, std::mt19937_64& random) {
  const volatile std::uint64_t& begun = slot.bytes;
  while (begun == 0 && up_to(random, 1000) != 0) {
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
  std::this_thread::sleep_for(std::chrono::microseconds(up_to(random, settings.life)));
}

int run(const std::vector<std::string>& arguments) {
  Settings settings;
  settings.foreign = arguments[0] == "foreign";
  settings.target = arguments[1];
  const auto first = static_cast<std::uint32_t>(std::stoul(arguments[3]));
  const auto count = static_cast<std::uint32_t>(std::stoul(arguments[4]));
  std::mt19937_64 random(std::stoull(arguments[5]));
  for (const auto& [key, value] : faults::options_in(arguments, 6)) {
    if (key == "least") settings.sizes.least = value;
    if (key == "most") settings.sizes.most = value;
    if (key == "exact") settings.exact = value != 0;
    if (key == "checked") settings.checked = value != 0;
    if (key == "life") settings.life = value;
    if (key == "messages") settings.messages = static_cast<std::uint32_t>(value);
  }
  faults::MappedArray<WriterSlot> slots(arguments[2], count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t seed = random();
    const pid_t child = fork();
    if (child == 0) be_writer(settings, first + i, slots[i], seed);
    if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (!settings.exact) {
      wait_a_while(settings, slots[i], random);
      kill(child, SIGKILL);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
      throw std::runtime_error("writer " + std::to_string(first + i) + " ended by itself");
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return faults::run_main(argc, argv,
                          "library|foreign TARGET JOURNAL FIRST COUNT SEED least=N most=N "
                          "[exact=1] [checked=1] [life=MICROSECONDS] [messages=N]",
                          6, run);
}
