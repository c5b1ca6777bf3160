#include "machine.hpp"

#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zmq.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <fstream>

namespace compare {
namespace {

// What stands behind the first line that begins with `key`, and behind `separator` there.
std::string value_in(const char* path, const std::string& key, char separator) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    const auto at = line.find(separator);
    if (at == std::string::npos) continue;
    auto from = line.find_first_not_of(" \t\"", at + 1);
    if (from == std::string::npos) return "";
    return line.substr(from, line.find_last_not_of(" \t\"") - from + 1);
  }
  return "unknown";
}

std::string memory_gib() {
  constexpr double kGib = 1024.0 * 1024.0 * 1024.0;
  struct sysinfo info {};
  ::sysinfo(&info);
  const double gib = static_cast<double>(info.totalram) * info.mem_unit / kGib;
  return std::to_string(std::lround(gib)) + " GiB";
}

std::string load_average() {
  std::array<double, 1> load{};
  if (::getloadavg(load.data(), 1) != 1) return "unknown";
  std::string text = std::to_string(load[0]);
  return text.substr(0, text.find('.') + 3);
}

std::string today() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &parts);
  return text.data();
}

std::string zmq_version_text() {
  int major = 0;
  int minor = 0;
  int patch = 0;
  zmq_version(&major, &minor, &patch);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> describe_machine() {
  utsname kernel{};
  ::uname(&kernel);
  return {
      {"date", today()},
      {"processor", value_in("/proc/cpuinfo", "model name", ':')},
      {"cores", std::to_string(::sysconf(_SC_NPROCESSORS_ONLN))},
      {"memory", memory_gib()},
      {"load_average_before", load_average()},
      {"kernel", std::string(kernel.sysname) + " " + kernel.release + " " + kernel.machine},
      {"system", value_in("/etc/os-release", "PRETTY_NAME", '=')},
      {"compiler", COMPARE_COMPILER},
      {"build_type", COMPARE_BUILD_TYPE},
      {"libzmq", zmq_version_text()},
  };
}

}  // namespace compare
