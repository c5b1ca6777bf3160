// CURVE keys in files, in the form that CZMQ and pyzmq read and write too (ZPL, ZeroMQ RFC 4):
//   curve
//       public-key = "40 characters of Z85"
//       secret-key = "40 characters of Z85"   (in the owner's file alone)
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace fifomq::zeromq {

inline constexpr std::size_t kKeyBytes = 32;

// Is wiped when it goes. What is added to it stays within the memory that it has reserved.
struct Secret {
  std::string text{};

  Secret() = default;
  explicit Secret(std::string_view secret) : text(secret) {}
  Secret(Secret&&) = default;
  Secret& operator=(Secret&&) = delete;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();
};

// Z85.
struct Certificate {
  std::string public_key{};
  Secret secret_key{};  // may be empty
};

Certificate make_certificate();

// What stands in the file for others, or with the secret key in the owner's.
std::string public_text(const Certificate& certificate);
Secret secret_text(const Certificate& certificate);

// One's own key. Refuses a file that anybody else could read. Throws Error.
Certificate read_own_certificate(const std::string& path, const std::string& endpoint);

// Somebody else's public key. Refuses a file that anybody but root or the caller could have
// written. Throws Error.
std::string read_public_key(const std::string& path, const std::string& endpoint);

// Refuses a file or folder that anybody but root or the caller could have changed. `status` is a
// struct stat of it. Throws Error (permission_denied).
void check_only_ours_writes(const struct stat& status, const std::string& path,
                            const std::string& endpoint);

}  // namespace fifomq::zeromq
