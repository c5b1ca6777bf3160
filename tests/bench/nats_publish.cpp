// How fast messages get into a JetStream stream: through a Sender, without and with batch=64KiB,
// against libnats' own asynchronous publisher, without headers and with those that a Sender gives
// its messages; by turns in one run, each into a new stream of a server of this program's own.
// Medians, and in brackets their ratio to libnats without headers.
//
//   build/release/tests/nats_publish [MESSAGES] [file|memory]
#include <nats/nats.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include <fifomq/builtin.hpp>

#include "../../transport/plugins/nats/nats_server_test.hpp"

namespace {

using fifomq::Deadline;

constexpr int kRounds = 7;

void check(natsStatus status, const char* what) {
  if (status != NATS_OK)
    throw std::runtime_error(what + std::string(": ") + nats_GetLastError(nullptr));
}

void check(fifomq::SendResult result) {
  if (result == fifomq::SendResult::sent) return;
  throw std::runtime_error(std::string("the sender says ") + fifomq::to_string(result));
}

struct Run {
  const fifomq::test::NatsServer& server;
  std::string storage;
  int messages;
  std::size_t size;
};

template <typename Publish>
double per_second(const Run& run, const Publish& publish) {
  const auto start = std::chrono::steady_clock::now();
  publish();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return run.messages / took.count();
}

std::string endpoint(const Run& run, const std::string& stream) {
  return "nats:" + stream + "@" + run.server.address() + "?stream=" + stream +
         "&create=log&storage=" + run.storage;
}

double through_sender(const Run& run, const std::string& stream, const std::string& options) {
  const std::string payload(run.size, 'x');
  const fifomq::Registry registry = fifomq::builtin_transports();
  const auto sender = registry.open_sender(endpoint(run, stream) + options);
  return per_second(run, [&] {
    for (int i = 0; i < run.messages; ++i) {
      check(sender->send({.payload = fifomq::as_byte_view(payload)}, Deadline::never()));
    }
    check(sender->flush(Deadline::never()));
  });
}

std::string id_of(int number) { return "0123456789abcdef-" + std::to_string(number); }

// With Nats-Msg-Id and Nats-Expected-Last-Msg-Id, or without.
void publish(jsCtx* context, const std::string& stream, const std::string& payload, int number,
             bool headers) {
  jsPubOptions options;
  jsPubOptions_Init(&options);
  const std::string id = headers ? id_of(number) : "";
  const std::string last = headers && number > 0 ? id_of(number - 1) : "";
  if (!id.empty()) options.MsgId = id.c_str();
  if (!last.empty()) options.ExpectLastMsgId = last.c_str();
  check(js_PublishAsync(context, stream.c_str(), payload.data(), static_cast<int>(payload.size()),
                        &options),
        "publish");
}

double through_libnats(const Run& run, const std::string& stream, bool headers) {
  // It makes the stream.
  fifomq::builtin_transports().open_sender(endpoint(run, stream));
  const std::string payload(run.size, 'x');
  natsConnection* connection = nullptr;
  check(natsConnection_ConnectTo(&connection, ("nats://" + run.server.address()).c_str()),
        "connect");
  jsCtx* context = nullptr;
  jsOptions options;
  jsOptions_Init(&options);
  options.PublishAsync.MaxPending = 4'000;
  check(natsConnection_JetStream(&context, connection, &options), "JetStream");
  const double result = per_second(run, [&] {
    for (int i = 0; i < run.messages; ++i) publish(context, stream, payload, i, headers);
    check(js_PublishAsyncComplete(context, nullptr), "complete");
  });
  jsCtx_Destroy(context);
  natsConnection_Destroy(connection);
  return result;
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + kRounds / 2);
  return values[kRounds / 2];
}

}  // namespace

int main(int argc, char** argv) try {
  const int messages = argc > 1 ? std::stoi(argv[1]) : 100'000;
  const std::string storage = argc > 2 ? argv[2] : "file";
  std::printf("%8s %10s %17s %17s %17s\n", "bytes", "libnats/s", "same headers/s", "Sender/s",
              "batch=64KiB/s");
  for (const std::size_t size : {64U, 1024U, 16384U}) {
    const int count = size > 10'000 ? std::max(messages / 10, 1) : messages;
    std::vector<double> bare;
    std::array<std::vector<double>, 3> others;
    for (int round = 0; round < kRounds; ++round) {
      const fifomq::test::NatsServer server;
      const Run run{server, storage, count, size};
      bare.push_back(through_libnats(run, "bare", false));
      others[0].push_back(through_libnats(run, "headers", true));
      others[1].push_back(through_sender(run, "ours", ""));
      others[2].push_back(through_sender(run, "batches", "&batch=64KiB"));
    }
    std::printf("%8zu %10.0f", size, median(bare));
    for (const auto& other : others) {
      std::printf(" %10.0f (%4.2f)", median(other), median(other) / median(bare));
    }
    std::printf("\n");
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "nats_publish: %s\n", error.what());
  return 1;
}
