// The event loops in which a poll_fd() must work.
#pragma once

#include <array>
#include <chrono>

namespace fifomq::conformance {

enum class Poller { poll, epoll, zmq_poll };

inline constexpr auto kPollers = std::to_array({Poller::poll, Poller::epoll, Poller::zmq_poll});

const char* to_string(Poller poller);

// Whether the descriptor is, or becomes within the time, readable.
bool is_readable(int fd, Poller poller, std::chrono::milliseconds wait);

}  // namespace fifomq::conformance
