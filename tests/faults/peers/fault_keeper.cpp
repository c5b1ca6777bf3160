// fault_keeper splice|tee PATH KEPT NOW SECONDS: a reader that puts the first pages of a FIFO aside
// without looking at them, reads on, and writes them to the file KEPT after so many seconds or when
// the last writer has left, whichever comes later. With tee, the file NOW gets what the same bytes
// were when they came. Prints how many bytes flowed past in between.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <system_error>
#include <vector>

#include "peers/process.hpp"

namespace {

// A sender's first 4 MiB are copied into the pipe; what is behind them is the sender's own memory.
constexpr std::size_t kKeptBytes = std::size_t{6} << 20;
constexpr int kPipeBytes = 1 << 20;
constexpr std::size_t kMostPipes = 200;

int checked(long result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return static_cast<int>(result);
}

class Keeper {
 public:
  explicit Keeper(const std::string& path)
      : fifo_(checked(open(path.c_str(), O_RDONLY | O_CLOEXEC), "open")) {}

  void splice_aside() {
    while (wait_for_bytes()) {
      const ssize_t moved = splice(fifo_, nullptr, pipes_.back()[1], nullptr, kPipeBytes, 0);
      if (moved <= 0) return;
      kept_ += static_cast<std::size_t>(moved);
    }
  }

  void tee_aside(int now) {
    while (wait_for_bytes()) {
      const ssize_t seen = tee(fifo_, pipes_.back()[1], kPipeBytes, SPLICE_F_NONBLOCK);
      if (seen <= 0) return;
      kept_ += static_cast<std::size_t>(seen);
      copy(fifo_, now, static_cast<std::size_t>(seen));
    }
  }

  std::uint64_t read_on() {
    std::uint64_t past = 0;
    while (const int count = checked(read(fifo_, bytes_.data(), bytes_.size()), "read")) {
      past += static_cast<std::uint64_t>(count);
    }
    return past;
  }

  void write_kept(int file) {
    for (const auto& pipe : pipes_) {
      while (true) {
        const ssize_t count = read(pipe[0], bytes_.data(), bytes_.size());
        if (count <= 0) break;
        checked(write(file, bytes_.data(), static_cast<std::size_t>(count)), "write");
      }
    }
  }

 private:
  // With room for them in the last pipe. False when enough is kept, or nothing more will come.
  bool wait_for_bytes() {
    pollfd state{.fd = fifo_, .events = POLLIN, .revents = 0};
    if (kept_ >= kKeptBytes || poll(&state, 1, -1) != 1 || (state.revents & POLLIN) == 0) {
      return false;
    }
    if (has_room()) return true;
    if (pipes_.size() == kMostPipes) return false;
    std::array<int, 2> ends{};
    checked(pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), "pipe");
    checked(fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes), "F_SETPIPE_SZ");
    pipes_.push_back(ends);
    return true;
  }

  bool has_room() const {
    if (pipes_.empty()) return false;
    pollfd state{.fd = pipes_.back()[1], .events = POLLOUT, .revents = 0};
    return poll(&state, 1, 0) == 1;
  }

  void copy(int from, int to, std::size_t size) {
    while (size > 0) {
      const auto count = static_cast<std::size_t>(
          checked(read(from, bytes_.data(), std::min(size, bytes_.size())), "read"));
      checked(write(to, bytes_.data(), count), "write");
      size -= count;
    }
  }

  int fifo_;
  std::vector<std::array<int, 2>> pipes_;  // that hold what is kept
  std::size_t kept_ = 0;                   // bytes
  std::array<char, std::size_t{64} << 10> bytes_{};
};

int new_file(const std::string& path) {
  return checked(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), "make a file");
}

int run(const std::vector<std::string>& arguments) {
  Keeper keeper(arguments[1]);
  if (arguments[0] == "tee") {
    keeper.tee_aside(new_file(arguments[3]));
  } else {
    keeper.splice_aside();
  }
  const auto kept_since = std::chrono::steady_clock::now();
  const std::uint64_t past = keeper.read_on();
  const auto until = kept_since + std::chrono::seconds(std::stoi(arguments[4]));
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(
      until - std::chrono::steady_clock::now());
  if (left.count() > 0) usleep(static_cast<useconds_t>(left.count()));
  keeper.write_kept(new_file(arguments[2]));
  std::printf("past %llu\n", static_cast<unsigned long long>(past));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return faults::run_main(argc, argv, "splice|tee PATH KEPT NOW SECONDS", 5, run);
}
