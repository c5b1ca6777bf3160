// fault_openings FOLDER COUNT: opens and closes channel ends COUNT times, some of them used, in
// several threads (to close a watch on a path takes the kernel a while), and prints how many
// descriptors and threads this process had after the first ones and at the end; then what a child
// finds open that is started while ends of every kind are.
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include <fifomq/builtin.hpp>

#include "peers/process.hpp"

namespace {

namespace fs = std::filesystem;
using fifomq::Deadline;

std::ptrdiff_t entries_of(const char* folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

// Enough, one after another, for pages to be given to the pipe and a flusher to be started.
void use(fifomq::Sender& sender, fifomq::Receiver& receiver) {
  constexpr int kMessages = 200;
  const std::string payload(100, 'x');
  fifomq::MessageView message;
  for (int i = 0; i < kMessages; ++i) {
    sender.send({.payload = fifomq::as_byte_view(payload)}, Deadline::never());
  }
  sender.flush(Deadline::never());
  for (int i = 0; i < kMessages; ++i) receiver.receive(message, Deadline::never());
}

void open_and_close(const fifomq::Registry& registry, const std::string& endpoint, int round) {
  constexpr int kUsed = 50;  // of each so many, one
  const auto receiver = registry.open_receiver(endpoint);
  const auto sender = registry.open_sender(endpoint);
  sender->poll_fd();
  receiver->poll_fd();
  if (round % kUsed == 0) use(*sender, *receiver);
}

void say_what_a_child_finds(const fifomq::Registry& registry, const std::string& folder) {
  std::vector<std::unique_ptr<fifomq::Channel>> ends;
  for (const std::string& pair : {"fifo:" + folder + "/left", std::string("memory:left")}) {
    ends.push_back(registry.open_receiver(pair));
    ends.push_back(registry.open_sender(pair));
  }
  ends.push_back(registry.open_sender("zmq+push:@ipc://" + folder + "/left.zmq"));
  ends.push_back(registry.open_receiver("zmq+pull:ipc://" + folder + "/left.zmq"));
  for (const auto& end : ends) end->poll_fd();
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    execl("/bin/ls", "ls", "/proc/self/fd", nullptr);
    _exit(1);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) throw std::runtime_error("ls failed");
}

void open_and_close_all(const std::string& folder, int count) {
  constexpr int kThreads = 8;
  std::vector<std::jthread> threads;
  threads.reserve(kThreads);
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&folder, count, thread] {
      const fifomq::Registry registry = fifomq::builtin_transports();
      const std::string endpoint = "fifo:" + folder + "/opened" + std::to_string(thread);
      for (int round = thread; round < count; round += kThreads) {
        open_and_close(registry, endpoint, round);
      }
    });
  }
}

void count_what_is_open() {
  std::printf("descriptors %td threads %td\n", entries_of("/proc/self/fd"),
              entries_of("/proc/self/task"));
}

int run(const std::vector<std::string>& arguments) {
  constexpr int kFirst = 200;
  const std::string& folder = arguments[0];
  const int count = std::stoi(arguments[1]);
  open_and_close_all(folder, kFirst);
  count_what_is_open();
  open_and_close_all(folder, count);
  count_what_is_open();
  say_what_a_child_finds(fifomq::builtin_transports(), folder);
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return faults::run_main(argc, argv, "FOLDER COUNT", 2, run); }
