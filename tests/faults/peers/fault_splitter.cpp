// fault_splitter PATH STREAM MOST: the bytes of the file STREAM, which fit into a pipe, go through
// a FIFO to a library receiver: at once; in pieces of every size from 1 to MOST; and in two pieces,
// split at every place. Fails on the first way that does not give the same messages.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include <fifomq/builtin.hpp>

#include "peers/hooks.hpp"
#include "peers/process.hpp"

namespace {

using fifomq::Deadline;
using fifomq::ReceiveResult;

class Splitter {
 public:
  Splitter(std::string path, std::string stream)
      : path_(std::move(path)),
        stream_(std::move(stream)),
        holder_(open(path_.c_str(), O_RDWR | O_CLOEXEC)) {
    if (holder_ < 0) throw std::system_error(errno, std::generic_category(), path_);
    if (fcntl(holder_, F_GETPIPE_SZ) < static_cast<int>(stream_.size())) {
      throw std::invalid_argument("the stream does not fit into the pipe");
    }
  }

  std::string in_pieces_of(std::size_t size) {
    faults::limit_reads(size);
    return messages({stream_});
  }

  std::string split_at(std::size_t place) {
    faults::limit_reads(0);
    return messages({stream_.substr(0, place), stream_.substr(place)});
  }

 private:
  // All of them, as one text, and what the receiver has counted.
  std::string messages(const std::vector<std::string>& parts) {
    const auto receiver = registry_.open_receiver("fifo:" + path_);
    std::string all;
    for (const std::string& part : parts) {
      if (write(holder_, part.data(), part.size()) != static_cast<ssize_t>(part.size())) {
        throw std::system_error(errno, std::generic_category(), "write");
      }
      take_all(*receiver, all);
    }
    const fifomq::Counters counters = receiver->counters();
    if (!counters.balanced()) throw std::runtime_error("the ledger does not balance");
    return all + faults::text_of(counters);
  }

  bool is_empty() const {
    int waiting = 0;
    return ioctl(holder_, FIONREAD, &waiting) == 0 && waiting == 0;
  }

  // A receiver may say timed_out before it has seen all that is there.
  void take_all(fifomq::Receiver& receiver, std::string& all) const {
    fifomq::MessageView message;
    while (true) {
      if (receiver.receive(message, Deadline::now()) != ReceiveResult::received) {
        if (is_empty()) return;
        continue;
      }
      const fifomq::Origin origin = message.origin.value_or(fifomq::Origin{});
      all += std::to_string(origin.writer) + " " + std::to_string(origin.sequence) + " " +
             std::string(message.topic) + " " + std::string(fifomq::as_text(message.payload)) +
             "\n";
    }
  }

  const std::string path_;
  const std::string stream_;
  const int holder_;
  const fifomq::Registry registry_ = fifomq::builtin_transports();
};

void check_same(const std::string& real, const std::string& expected, const std::string& way) {
  if (real == expected) return;
  throw std::runtime_error(way + ": other messages: " + std::to_string(real.size()) +
                           " bytes, not " + std::to_string(expected.size()) + "; " +
                           real.substr(real.rfind('\n') + 1) + ", not " +
                           expected.substr(expected.rfind('\n') + 1));
}

int run(const std::vector<std::string>& arguments) {
  std::ifstream file(arguments[1], std::ios::binary);
  const std::string stream{std::istreambuf_iterator<char>(file), {}};
  Splitter splitter(arguments[0], stream);
  const std::string expected = splitter.in_pieces_of(stream.size());
  const std::size_t most = std::min<std::size_t>(std::stoull(arguments[2]), stream.size());
  for (std::size_t size = 1; size <= most; ++size) {
    check_same(splitter.in_pieces_of(size), expected, "in pieces of " + std::to_string(size));
  }
  for (std::size_t place = 1; place < stream.size(); ++place) {
    check_same(splitter.split_at(place), expected, "split at " + std::to_string(place));
  }
  std::printf("pieces %zu splits %zu\n%s\n", most, stream.size() - 1,
              expected.substr(expected.rfind("counters ")).c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return faults::run_main(argc, argv, "PATH STREAM MOST", 3, run); }
