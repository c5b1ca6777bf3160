// A forked child of the test.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>

#include "support/sanitized.hpp"

namespace fifomq::test {

// Runs in a child, whose status says which step went wrong; 0 when none did. The child leaves by
// exit(), which is what writes down the lines that it ran; but not under a sanitizer, which would
// take for leaked what the parent's other threads hold.
inline int status_of_child(const std::function<int()>& steps) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const int status = steps();
    if (kSanitized) _exit(status);
    std::exit(status);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace fifomq::test
