#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "conformance/suite.hpp"

namespace fifomq::conformance {
namespace {

// While it lives, a pipe leads from this process's standard output to its standard input.
class PipeToMyself {
 public:
  PipeToMyself() {
    int ends[2] = {-1, -1};
    if (pipe(ends) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
    dup2(ends[0], STDIN_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
  }
  PipeToMyself(const PipeToMyself&) = delete;
  PipeToMyself& operator=(const PipeToMyself&) = delete;
  PipeToMyself(PipeToMyself&&) = delete;
  PipeToMyself& operator=(PipeToMyself&&) = delete;
  ~PipeToMyself() {
    dup2(input_, STDIN_FILENO);
    dup2(output_, STDOUT_FILENO);
    ::close(input_);
    ::close(output_);
  }

 private:
  const int input_ = dup(STDIN_FILENO);
  const int output_ = dup(STDOUT_FILENO);
};

}  // namespace

std::vector<TransportUnderTest> transports_under_test() {
  const auto make_link = [] {
    const std::string stream = "-?framing=frame";
    return Link{stream, stream, stream, std::make_shared<PipeToMyself>()};
  };
  // The streams are the process's, not the channel's: they stay when a channel goes.
  return {{.name = "stdio", .make_link = make_link, .source_stays = true}};
}

}  // namespace fifomq::conformance
