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
#include <fifomq/export.hpp>
#include <fifomq/log.hpp>

namespace fifomq {

// What an end is for.
enum class Direction {
  send,     // a Sender
  receive,  // a Receiver
};

// A payload made readable for people.
struct ShownPayload {
  std::string text;      // one line: a JSON value, or the bytes in base64
  bool is_json = false;  // which of the two
};
// Called with each message that is shown, on the thread that shows it; must not throw.
using ShowPayload = std::function<ShownPayload(const MessageView& message)>;

// What the program asks for when it opens a channel; what its user asks for stands in the endpoint.
struct OpenOptions {
  LogSink log{};  // the channel keeps a copy
  // A receiver with this set hands out so many messages, takes no more than these from its source
  // (as far as the source lets it: what a socket has fetched ahead is gone), and then says
  // end_of_stream.
  std::optional<std::uint64_t> take_at_most{};
  // A receiver that offers Capabilities::explicit_commit gives again after a crash what was not
  // committed. Asked for, since it costs; others ignore it. Whether it is so in the end, the
  // channel's own capabilities() say.
  bool explicit_commit = false;
  // With explicit_commit, for a receiver whose source may be too small for a message: the path of a
  // file in which it keeps what it had to take before it was whole, so that this comes again after
  // a crash, too. The file is the receiver's alone, and gone when it is not needed. Empty: such a
  // message is counted `uncommittable`.
  std::string half_done_file{};
  // A sender that prints messages for people shows their payloads so; others ignore it.
  ShowPayload show_payload{};
};

// An option of a scheme, for whoever lists them. The texts live as long as the program.
struct OptionInfo {
  std::string_view key;       // as in `?key=value`
  std::string_view values;    // for people: "block|drop-new", "SIZE"
  std::string_view fallback;  // what holds when the key is not given
  std::string_view meaning;   // for people: half a sentence
};

// A scheme, for whoever lists them.
struct SchemeInfo {
  std::string_view name;                 // what stands before the first colon
  std::string_view form;                 // for people: "fifo:PATH"
  std::string_view summary;              // for people: one line
  std::optional<Capabilities> sender;    // absent: this scheme does not send
  std::optional<Capabilities> receiver;  // absent: it does not receive
  std::span<const OptionInfo> options;   // all keys that it takes
  // A scheme that keeps what waits may stand between the two ends of a bridge, which then has the
  // option `--KEY VALUE` for it: the endpoint is NAME:VALUE. Such a scheme goes both ways,
  // acknowledges, and offers explicit commit; its address is a folder of its own.
  std::optional<OptionInfo> between{};
};

// How a command was called.
struct CommandCall {
  std::string argument;  // as it was given

  std::map<std::string, std::string, std::less<>> options{};  // those that were given, by their key
  LogSink log{};  // where the command tells what nobody asked it
  // As the caller asked for it with the program's options for that; only where `shows_payloads`.
  ShowPayload show_payload{};
};

// What a transport adds to the program: `fifomq NAME ARGUMENT [--KEY VALUE ...]`.
struct CommandInfo {
  std::string_view name;                  // one word, that of no other command
  std::string_view argument;              // what it is, for people: "PATH"
  std::string_view summary;               // for people: one line
  std::span<const OptionInfo> options{};  // what may be given as `--key value`
  // Returns the exit status; a command that waits for a signal takes it itself. What was asked for
  // goes to standard output. Throws Error.
  int (*run)(const CommandCall& call) = nullptr;
  bool shows_payloads = false;  // it takes the program's options for showing payloads
};

// Stateless but for what its channels share inside one process (a ZeroMQ context, in-process
// queues), which lives until the last of them is gone. Safe to use from several threads.
class FIFOMQ_EXPORT Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  Transport(Transport&&) = delete;
  Transport& operator=(Transport&&) = delete;
  virtual ~Transport();

  // What it opens; valid as long as the transport lives, and always the same.
  virtual std::span<const SchemeInfo> schemes() const = 0;
  // What it adds to the program; valid as long as the transport lives.
  virtual std::span<const CommandInfo> commands() const { return {}; }

  // Throws what opening would throw for the endpoint's text, and where it can be seen without
  // touching anything, for what stands behind it.
  virtual void check(const Endpoint& endpoint, Direction direction) const = 0;

  // What a channel end of this endpoint can do, as far as its text says: by default what its scheme
  // can. Throws Error for an endpoint that check() refuses.
  virtual Capabilities capabilities(const Endpoint& endpoint, Direction direction) const;

  // Never waits for a peer. Throws Error.
  virtual std::unique_ptr<Sender> open_sender(const Endpoint& endpoint,
                                              const OpenOptions& options) = 0;
  // Never waits for a peer. Throws Error.
  virtual std::unique_ptr<Receiver> open_receiver(const Endpoint& endpoint,
                                                  const OpenOptions& options) = 0;
};

// From scheme to transport. A value: a program builds the one it wants; there is no global one.
class FIFOMQ_EXPORT Registry {
 public:
  // Throws Error (invalid_endpoint) when one of its schemes is taken.
  void add(std::unique_ptr<Transport> transport);

  // Adds the transport in a shared object (fifomq/plugin.hpp), whose code runs in this process with
  // all its rights. It stays loaded until the process ends, so it may be the last to go. Throws
  // Error that names the path: not_found; permission_denied, also for a file that others could
  // change; wrong_type for what is no plugin; unsupported for one that was built for another
  // version, or brings a copy of this library along; invalid_endpoint when one of its schemes is
  // taken; and what the plugin throws.
  void load(const std::string& path);

  // Opens one end of a channel, which may outlive the registry. Never waits for a peer. Throws
  // Error, in whose text the endpoint stands.
  std::unique_ptr<Sender> open_sender(std::string_view endpoint,
                                      const OpenOptions& options = {}) const;
  // As open_sender().
  std::unique_ptr<Receiver> open_receiver(std::string_view endpoint,
                                          const OpenOptions& options = {}) const;
  // The endpoint's scheme. Throws what opening would throw, as far as Transport::check sees it.
  const SchemeInfo& check(std::string_view endpoint, Direction direction) const;

  // What that end can do, as far as the endpoint's text says. Throws Error.
  Capabilities capabilities(std::string_view endpoint, Direction direction) const;

  // Sorted by name. The texts are valid as long as the registry.
  std::vector<SchemeInfo> schemes() const;
  std::vector<CommandInfo> commands() const;  // sorted by name; valid as long as the registry

 private:
  struct Entry {
    Transport& transport;
    const SchemeInfo& scheme;
  };
  FIFOMQ_NO_EXPORT void add(std::unique_ptr<Transport> transport, const std::string& from);
  FIFOMQ_NO_EXPORT Entry find(const Endpoint& endpoint, Direction direction) const;

  std::vector<std::unique_ptr<Transport>> transports_;
};

}  // namespace fifomq
