#include "spool_options.hpp"

#include <array>
#include <string_view>

#include <fifomq/error.hpp>

#include "core/framing.hpp"
#include "core/units.hpp"

namespace fifomq::spool {
namespace {

constexpr auto kOptions = std::to_array<OptionInfo>({
    {"size", "SIZE", "1GiB", "bytes that may wait; one message always fits"},
    {"sync", "always|interval=DURATION|never", "always",
     "what was sent is settled on the disk, or in the kernel and on the disk later"},
    core::kMaxMessageOption,
});

constexpr std::string_view kInterval = "interval=";

void read_sync(const core::OptionReader& reader, SpoolOptions& options) {
  const std::string given = reader.text("sync").value_or("always");
  if (given == "always") return;
  if (given == "never") {
    options.sync = Sync::never;
    return;
  }
  const auto interval = given.starts_with(kInterval)
                            ? core::parse_duration(given.substr(kInterval.size()))
                            : std::nullopt;
  if (!interval) {
    reader.refuse("sync", given, "always, never, or interval= with a duration: interval=100ms");
  }
  options.sync = Sync::interval;
  options.interval = *interval;
}

}  // namespace

std::span<const OptionInfo> option_infos() { return kOptions; }

Capabilities as_synced(Capabilities capabilities, const SpoolOptions& options) {
  capabilities.survives_power_loss &= options.sync == Sync::always;
  return capabilities;
}

SpoolOptions parse_options(const Endpoint& endpoint) {
  const core::OptionReader reader(endpoint, kOptions);
  SpoolOptions options;
  options.endpoint = endpoint.text();
  options.path = reader.path("a folder must follow, as in spool:/var/lib/fifomq/q");
  while (options.path.size() > 1 && options.path.ends_with('/')) options.path.pop_back();
  options.size_bytes = reader.size_bytes("size", options.size_bytes);
  read_sync(reader, options);
  options.max_message = core::limit_options(reader).max_message;
  return options;
}

}  // namespace fifomq::spool
