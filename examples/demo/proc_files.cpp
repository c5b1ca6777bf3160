#include "proc_files.hpp"

#include <cctype>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace demo {
namespace {

// The kernel counts in these, whatever the disk's own sectors are.
constexpr std::uint64_t kSectorBytes = 512;
constexpr std::uint64_t kBytesPerKib = 1024;

std::ifstream open_proc(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path + "; is /proc mounted?");
  return file;
}

// "sda1" after "sda", "nvme0n1p1" after "nvme0n1": the kernel lists partitions behind their disk.
bool is_partition(const std::string& name, const std::string& disk) {
  return !disk.empty() && name.size() > disk.size() && name.starts_with(disk) &&
         std::isdigit(static_cast<unsigned char>(name.back())) != 0;
}

}  // namespace

CpuTotals read_cpu() {
  std::ifstream file = open_proc("/proc/stat");
  CpuTotals totals;
  for (std::string line; std::getline(file, line) && line.starts_with("cpu");) {
    std::istringstream fields(line);
    std::string name;
    fields >> name;
    if (name != "cpu") {
      ++totals.processors;
      continue;
    }
    std::uint64_t user = 0;
    std::uint64_t nice = 0;
    std::uint64_t system = 0;
    std::uint64_t idle = 0;
    std::uint64_t waiting = 0;
    std::uint64_t interrupts = 0;
    std::uint64_t soft_interrupts = 0;
    std::uint64_t stolen = 0;
    fields >> user >> nice >> system >> idle >> waiting >> interrupts >> soft_interrupts >> stolen;
    totals.busy = user + nice + system + interrupts + soft_interrupts + stolen;
    totals.all = totals.busy + idle + waiting;
  }
  if (totals.all == 0) throw std::runtime_error("/proc/stat has no line that begins with 'cpu '");
  return totals;
}

Memory read_memory() {
  std::ifstream file = open_proc("/proc/meminfo");
  Memory memory;
  std::string name;
  std::string unit;
  for (std::uint64_t kib = 0; file >> name >> kib && std::getline(file, unit);) {
    if (name == "MemTotal:") memory.total_bytes = kib * kBytesPerKib;
    if (name == "MemAvailable:") memory.available_bytes = kib * kBytesPerKib;
  }
  if (memory.total_bytes == 0) throw std::runtime_error("/proc/meminfo has no MemTotal");
  return memory;
}

std::vector<DiskTotals> read_disks() {
  std::ifstream file = open_proc("/proc/diskstats");
  std::vector<DiskTotals> disks;
  std::string disk;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::uint64_t major = 0;
    std::uint64_t minor = 0;
    std::string name;
    std::uint64_t reads = 0;
    std::uint64_t merged = 0;
    std::uint64_t sectors_read = 0;
    std::uint64_t milliseconds = 0;
    std::uint64_t writes = 0;
    std::uint64_t sectors_written = 0;
    if (!(fields >> major >> minor >> name >> reads >> merged >> sectors_read >> milliseconds >>
          writes >> merged >> sectors_written)) {
      throw std::runtime_error("/proc/diskstats has a line that is too short: " + line);
    }
    if (is_partition(name, disk)) continue;
    disk = name;
    if (reads + writes > 0) {
      disks.push_back({name, sectors_read * kSectorBytes, sectors_written * kSectorBytes});
    }
  }
  return disks;
}

}  // namespace demo
