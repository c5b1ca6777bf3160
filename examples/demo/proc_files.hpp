// What the kernel says about this host under /proc, as totals since it was started.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace demo {

struct CpuTotals {
  std::uint64_t busy = 0;  // in clock ticks, over all processors
  std::uint64_t all = 0;
  std::uint32_t processors = 0;
};

struct Memory {
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;
};

struct DiskTotals {
  std::string device;
  std::uint64_t read_bytes = 0;
  std::uint64_t written_bytes = 0;
};

// These throw std::runtime_error when the file cannot be read or is not what proc(5) describes.
CpuTotals read_cpu();
Memory read_memory();
// Whole disks that were ever used; partitions would count everything twice.
std::vector<DiskTotals> read_disks();

}  // namespace demo
