// A bar on standard error, if that is a terminal.
#pragma once

#include <cstddef>
#include <string>

namespace compare {

class Progress {
 public:
  Progress();
  Progress(const Progress&) = delete;
  Progress(Progress&&) = delete;
  Progress& operator=(const Progress&) = delete;
  Progress& operator=(Progress&&) = delete;
  ~Progress();  // takes the bar away

  void expect(std::size_t runs) { expected_ += runs; }
  // What runs now.
  void step(const std::string& what);

 private:
  bool shown_;
  std::size_t expected_ = 0;
  std::size_t begun_ = 0;
};

}  // namespace compare
