// Whether a sanitizer slows this build down, so that a test may do less of the same, and say so.
#pragma once

namespace fifomq::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

}  // namespace fifomq::test
