// How a transport enrols in the conformance suite: its conformance.cpp includes this header and
// defines transports_under_test(), and one outside this tree transport_under_test() too. The cases
// then run on everything in that list. What a transport does not offer it says through its
// Capabilities; such a case is skipped with the reason shown.
//
// Installed as <fifomq/conformance.hpp>, with a library that has the cases and main() (CMake:
// COMPONENTS conformance, target fifomq::conformance).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fifomq/transport.hpp>

namespace fifomq::conformance {

// The endpoints of one case, which nobody else has.
struct Link {
  std::string sender;
  std::string receiver;
  // For another sender to the same receiver; empty where a receiver takes one sender only.
  std::string second_sender{};
  // What stands behind the endpoints (a folder, a pipe); goes when the channels are gone.
  std::shared_ptr<void> holds{};
};

enum class OpensFirst { sender, receiver };

struct TransportUnderTest {
  std::string name;  // letters, digits and underscores: it becomes part of the cases' names
  std::function<Link()> make_link;
  OpensFirst opens_first = OpensFirst::receiver;
  // What no receiver has taken is there for the next one, although the sender's Capabilities do not
  // promise so for a receiver that dies (waits_for_peer).
  bool source_stays = false;
  // Receivers are opened with explicit_commit, and commit each message once they have received it.
  bool commits_each = false;
  // What takes messages over is no receiver, so that settled() waits for none.
  bool settles_by_itself = false;
  // A commit takes a moment to reach who keeps the messages: what a receiver had taken, or
  // committed, right before it was killed may come again.
  bool commits_travel = false;
  // Why no other process can open the endpoints; empty where one can.
  std::string one_process_only{};
};

std::vector<TransportUnderTest> transports_under_test();

// A registry with the transport and nothing else. The program starts itself anew as a peer, which
// calls this too.
Registry transport_under_test();

// A folder of its own, removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  TemporaryFolder(TemporaryFolder&&) = delete;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A port of 127.0.0.1 that was free a moment ago and that the kernel gives to nobody else soon.
int free_tcp_port();

}  // namespace fifomq::conformance
