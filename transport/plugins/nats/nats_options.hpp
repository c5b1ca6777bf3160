// What an endpoint `nats:SUBJECT@HOST[:PORT][,HOST[:PORT]...]?...` says.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <fifomq/error.hpp>
#include <fifomq/transport.hpp>

namespace fifomq::jetstream {

// What becomes of a stream that is missing.
enum class Create {
  no,     // that is an error
  queue,  // it is made: keeps a message until its one receiver has committed it
  log,    // it is made: keeps every message, for any number of receivers
};

enum class Storage { file, memory };

struct NatsOptions {
  std::string endpoint{};  // as it was given, for errors
  std::string subject{};
  std::vector<std::string> servers{};  // URLs
  std::string stream{};
  std::string durable{};
  Create create = Create::no;
  Storage storage = Storage::file;
  int replicas = 1;
  std::uint64_t max_bytes = 0;     // of a stream that is made; 0 = no limit
  std::uint64_t max_messages = 0;  // the same
  std::uint64_t in_flight = 0;     // bytes
  std::uint64_t batch = 0;         // bytes in one NATS message; 0 = a message in each
  std::chrono::milliseconds linger{5000};
  std::string credentials{};  // a file
  bool tls = false;
  std::string authorities{};      // a file
  std::uint64_t max_message = 0;  // bytes
};

std::span<const SchemeInfo> scheme_infos();

// Throws Error.
NatsOptions parse_options(const Endpoint& endpoint, Direction direction);

// Whether a stream's subject, which may have wildcards, takes what is sent to `subject`.
bool covers(std::string_view pattern, std::string_view subject);

}  // namespace fifomq::jetstream
