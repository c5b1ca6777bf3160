// fault_without ERRNO SYSCALL[,SYSCALL...] COMMAND...: runs a command for which these system calls
// fail with that error, as under a strict seccomp profile (EPERM) or a kernel that has none of them
// (ENOSYS). SYSCALL is tee, vmsplice, splice or inotify.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace {

const std::map<std::string, std::vector<long>>& known_calls() {
  static const std::map<std::string, std::vector<long>> kCalls = {
      {"tee", {SYS_tee}},
      {"vmsplice", {SYS_vmsplice}},
      {"splice", {SYS_splice}},
      {"inotify",
       {
           SYS_inotify_init1,
#ifdef SYS_inotify_init
           SYS_inotify_init,
#endif
       }},
  };
  return kCalls;
}

int error_named(const std::string& name) {
  if (name == "EPERM") return EPERM;
  if (name == "ENOSYS") return ENOSYS;
  throw std::invalid_argument(name + ": EPERM or ENOSYS");
}

void forbid(const std::vector<long>& calls, int error) {
  std::vector<sock_filter> program = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const long call : calls) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<__u32>(call), 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<__u32>(error)));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  sock_fprog filter{.len = static_cast<unsigned short>(program.size()), .filter = program.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
    throw std::system_error(errno, std::generic_category(), "install the filter");
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 4) throw std::invalid_argument("usage: fault_without ERRNO SYSCALLS COMMAND...");
    std::vector<long> calls;
    std::istringstream names(argv[2]);
    for (std::string name; std::getline(names, name, ',');) {
      const auto& found = known_calls().at(name);
      calls.insert(calls.end(), found.begin(), found.end());
    }
    forbid(calls, error_named(argv[1]));
    execv(argv[3], argv + 3);
    throw std::system_error(errno, std::generic_category(), argv[3]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fault_without: %s\n", error.what());
    return 2;
  }
}
