#include "fifo_options.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fifomq/error.hpp>

namespace fifomq::fifo {
namespace {

constexpr auto kOptions = std::to_array<OptionInfo>({
    {"framing", core::kFramings, "frame", "how messages stand in the byte stream"},
    core::kTopicOption,
    {"create", "MODE|no", "0600",
     "make the FIFO when it is missing, with this mode whatever the umask"},
    {"trust", "owner|any", "owner",
     "refuse what somebody else than root or the caller could have put in the way; or nothing"},
    {"fd", "NAME|PATH|NUMBER", "",
     "use a FIFO whose descriptor the service manager has passed, instead of the path's"},
    {"eof", "stay|exit", "stay", "when the last writer leaves: wait for the next, or end"},
    {"capacity", "SIZE", "512KiB, with explicit commit 1MiB, or more if it has more",
     "what the pipe holds; the system may grant less"},
    {"coalesce", "DURATION|no", "200us",
     "under load a message may wait about so long for others to leave with it"},
    {"pages", "once|reused", "once",
     "memory of which a sender gives the pipe pages is used once; or again when they have been "
     "read, where all readers copy"},
    {"busy_poll", "DURATION", "0s", "how long a receiver looks for messages before it sleeps"},
    core::kFrameTimeoutOption,
    core::kMaxMessageOption,
    core::kReassemblyMemoryOption,
});

std::optional<std::chrono::nanoseconds> coalesce_option(const core::OptionReader& options) {
  if (options.text("coalesce") == "no") return std::nullopt;
  return options.duration("coalesce", std::chrono::microseconds(200));
}

std::optional<mode_t> create_option(const core::OptionReader& options,
                                    std::optional<mode_t> fallback) {
  const auto given = options.text("create");
  if (!given) return fallback;
  if (*given == "no") return std::nullopt;
  unsigned mode = 0;
  const char* end = given->data() + given->size();
  const auto [stop, error] = std::from_chars(given->data(), end, mode, 8);
  if (error != std::errc{} || stop != end || mode > 0777) {
    options.refuse("create", *given, "no, or an octal mode such as 0600");
  }
  return static_cast<mode_t>(mode);
}

}  // namespace

std::span<const OptionInfo> option_infos() { return kOptions; }

FifoOptions parse_options(const Endpoint& endpoint) {
  const core::OptionReader reader(endpoint, kOptions);
  FifoOptions options;
  options.endpoint = endpoint.text();
  options.path = reader.path("a path must follow, as in fifo:/run/app/in");
  options.framing = core::framing_option(reader, options.framing);
  options.limits = core::limit_options(reader);
  options.topic = reader.text("topic").value_or("");
  options.passed = reader.text("fd").value_or("");
  options.create = create_option(reader, options.create);
  options.end_with_writers = reader.choice<bool>("eof", false, {{"stay", false}, {"exit", true}});
  options.trusts_any = reader.choice<bool>("trust", false, {{"owner", false}, {"any", true}});
  options.coalesce = coalesce_option(reader);
  options.reuses_pages = reader.choice<bool>("pages", false, {{"once", false}, {"reused", true}});
  options.busy_poll = reader.duration("busy_poll", options.busy_poll);
  options.capacity = reader.size_bytes("capacity", 0);
  return options;
}

}  // namespace fifomq::fifo
