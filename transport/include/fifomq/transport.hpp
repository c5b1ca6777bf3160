// What a transport implements, and how a service opens channels by name.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fifomq/channel.hpp>
#include <fifomq/log.hpp>

namespace fifomq {

enum class Direction { send, receive };

struct OpenOptions {
  LogSink log{};
  // A receiver with this set hands out so many messages, takes no more than these from its source
  // (as far as the source lets it: what a socket has fetched ahead is gone), and then says
  // end_of_stream.
  std::optional<std::uint64_t> take_at_most{};
  // A receiver that offers Capabilities::explicit_commit gives again after a crash what was not
  // committed. Asked for, since it costs; others ignore it. Whether it is so in the end, the
  // channel's own capabilities() say.
  bool explicit_commit = false;
};

struct OptionInfo {
  std::string_view key;
  std::string_view values;    // for people: "block|drop-new", "SIZE"
  std::string_view fallback;  // what holds when the key is not given
  std::string_view meaning;
};

struct SchemeInfo {
  std::string_view name;
  std::string_view form;  // for people: "fifo:PATH"
  std::string_view summary;
  std::optional<Capabilities> sender;  // absent: this scheme does not send
  std::optional<Capabilities> receiver;
  std::span<const OptionInfo> options;
};

// How a command was called.
struct CommandCall {
  std::string argument;
  std::map<std::string, std::string, std::less<>> options{};  // those that were given, by their key
  LogSink log{};
};

// What a transport adds to the program: `fifomq NAME ARGUMENT [--KEY VALUE ...]`.
struct CommandInfo {
  std::string_view name;
  std::string_view argument;  // what it is, for people: "PATH"
  std::string_view summary;
  std::span<const OptionInfo> options{};
  // Returns the exit status; a command that waits for a signal takes it itself. What was asked for
  // goes to standard output. Throws Error.
  int (*run)(const CommandCall& call) = nullptr;
};

// Stateless but for what its channels share inside one process (a ZeroMQ context, in-process
// queues), which lives until the last of them is gone. Safe to use from several threads.
class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  Transport(Transport&&) = delete;
  Transport& operator=(Transport&&) = delete;
  virtual ~Transport() = default;

  virtual std::span<const SchemeInfo> schemes() const = 0;
  virtual std::span<const CommandInfo> commands() const { return {}; }

  // Throws what opening would throw for the endpoint's text, and where it can be seen without
  // touching anything, for what stands behind it.
  virtual void check(const Endpoint& endpoint, Direction direction) const = 0;

  // Never wait for a peer. Throw Error.
  virtual std::unique_ptr<Sender> open_sender(const Endpoint& endpoint,
                                              const OpenOptions& options) = 0;
  virtual std::unique_ptr<Receiver> open_receiver(const Endpoint& endpoint,
                                                  const OpenOptions& options) = 0;
};

// From scheme to transport. A value: a program builds the one it wants; there is no global one.
class Registry {
 public:
  // Throws Error (invalid_endpoint) when one of its schemes is taken.
  void add(std::unique_ptr<Transport> transport);

  std::unique_ptr<Sender> open_sender(std::string_view endpoint,
                                      const OpenOptions& options = {}) const;
  std::unique_ptr<Receiver> open_receiver(std::string_view endpoint,
                                          const OpenOptions& options = {}) const;
  // The endpoint's scheme. Throws what opening would throw, as far as Transport::check sees it.
  const SchemeInfo& check(std::string_view endpoint, Direction direction) const;

  // Sorted by name.
  std::vector<SchemeInfo> schemes() const;
  std::vector<CommandInfo> commands() const;

 private:
  struct Entry {
    Transport& transport;
    const SchemeInfo& scheme;
  };
  Entry find(const Endpoint& endpoint, Direction direction) const;

  std::vector<std::unique_ptr<Transport>> transports_;
};

}  // namespace fifomq
