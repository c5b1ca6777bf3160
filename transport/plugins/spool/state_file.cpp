#include "state_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/checksum.hpp"
#include "core/posix.hpp"
#include "core/varint.hpp"

namespace fifomq::spool {
namespace {

constexpr mode_t kMode = 0600;
constexpr std::size_t kNumbers = 2 * sizeof(std::uint64_t);
using Image = std::array<std::byte, kNumbers + sizeof(std::uint32_t)>;

// A file of zeros says nothing.
std::uint32_t checksum(const Image& image) {
  constexpr std::string_view kWhat = "fifomq spool 1";
  const auto state = core::crc_extend(core::kCrcStart, as_byte_view(kWhat));
  return core::crc_finish(core::crc_extend(state, ByteView(image).first(kNumbers)));
}

}  // namespace

StateFile::StateFile(int folder, const std::string& name, const std::string& endpoint,
                     Access access)
    : name_(name),
      file_(openat(folder, name.c_str(),
                   (access == Access::own ? O_RDWR | O_CREAT : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC,
                   kMode)) {
  if (!file_ && (access == Access::own || errno != ENOENT)) {
    throw core::system_error(errno, endpoint, "open " + name);
  }
  if (access == Access::look) return;
  Image image{};
  const ssize_t size = pread(file_.get(), image.data(), image.size(), 0);
  if (size < 0) throw core::system_error(errno, endpoint, "read " + name);
  const std::size_t missing = image.size() - static_cast<std::size_t>(size);
  if (missing == 0) return;
  if (pwrite(file_.get(), image.data() + size, missing, size) != static_cast<ssize_t>(missing)) {
    throw core::system_error(errno, endpoint, "write " + name);
  }
}

std::optional<StateFile::State> StateFile::load() const {
  Image image{};
  if (pread(file_.get(), image.data(), image.size(), 0) != static_cast<ssize_t>(image.size())) {
    return std::nullopt;
  }
  State state;
  std::uint32_t check = 0;
  std::memcpy(&state.first, image.data(), sizeof state.first);
  std::memcpy(&state.second, image.data() + sizeof state.first, sizeof state.second);
  std::memcpy(&check, image.data() + kNumbers, sizeof check);
  if (check != checksum(image)) return std::nullopt;
  return state;
}

int StateFile::save(const State& state) noexcept {
  Image image{};
  core::put_word(core::put_word(image.data(), state.first), state.second);
  core::put_word(image.data() + kNumbers, checksum(image));
  ssize_t written = -1;
  do {
    written = pwrite(file_.get(), image.data(), image.size(), 0);
  } while (written < 0 && errno == EINTR);
  if (written < 0) return errno;
  return written == static_cast<ssize_t>(image.size()) ? 0 : ENOSPC;
}

int StateFile::sync() noexcept { return fdatasync(file_.get()) == 0 ? 0 : errno; }

}  // namespace fifomq::spool
