// What the sanitizers do unless ASAN_OPTIONS says otherwise.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the sanitizers' names
extern "C" const char* __asan_default_options();

// Freed memory is kept for a while to see its later use. By default that is 256 MiB, which would
// pass for a target that takes too much memory.
extern "C" const char* __asan_default_options() {
  return "quarantine_size_mb=16:detect_stack_use_after_return=1:strict_string_checks=1";
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
