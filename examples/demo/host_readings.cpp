// Sends readings of this host (processors, memory, disks) into a channel, ten times a second:
//   host_readings fifo:/run/app/in
// Each reading is a Protobuf message of reading.proto. SIGTERM or SIGINT ends it. On standard
// output it says when the first message was sent, and at the end how many there were.
#include <google/protobuf/message.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <ctime>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <fifomq/builtin.hpp>

#include "proc_files.hpp"
#include "reading.pb.h"

namespace demo {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kInterval{100};
// Longer than any pause of a reader that is alive.
constexpr std::chrono::seconds kPatience{10};

class TypedSender {
 public:
  explicit TypedSender(std::unique_ptr<fifomq::Sender> sender) : sender_(std::move(sender)) {}

  // The type in the frame tells a receiver which class takes the payload.
  void send(const std::string& topic, const google::protobuf::Message& reading) {
    reading.SerializeToString(&payload_);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const fifomq::MessageView message{
        .payload = fifomq::as_byte_view(payload_),
        .topic = topic,
        .type = reading.GetDescriptor()->full_name(),
        .sent_unix_nanos = static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count())};
    demand_sent(sender_->send(message, fifomq::Deadline::after(kPatience)));
    if (++sent_ == 1) std::cout << "started" << std::endl;
  }

  void flush() { demand_sent(sender_->flush(fifomq::Deadline::after(kPatience))); }

  std::uint64_t sent() const { return sent_; }

 private:
  void demand_sent(fifomq::SendResult result) const {
    if (result == fifomq::SendResult::sent) return;
    throw std::runtime_error(sender_->endpoint().text() + ": " + fifomq::to_string(result) +
                             " after " + std::to_string(sent_) + " messages");
  }

  std::unique_ptr<fifomq::Sender> sender_;
  std::string payload_;
  std::uint64_t sent_ = 0;
};

class Host {
 public:
  Host() : taken_(Clock::now()), cpu_(read_cpu()), disks_(totals_by_device()) {}

  void send_readings(TypedSender& to) {
    const auto now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - taken_).count();
    taken_ = now;
    send_cpu(to);
    send_memory(to);
    send_disks(to, seconds);
  }

 private:
  using Disks = std::map<std::string, DiskTotals>;

  static Disks totals_by_device() {
    Disks disks;
    for (const DiskTotals& disk : read_disks()) disks[disk.device] = disk;
    return disks;
  }

  // Some of the kernel's counters may step back a little.
  static double growth(std::uint64_t before, std::uint64_t after) {
    return after > before ? static_cast<double>(after - before) : 0.0;
  }

  void send_cpu(TypedSender& to) {
    const CpuTotals now = read_cpu();
    const double all = growth(cpu_.all, now.all);
    fifomq::demo::v1::CpuReading reading;
    reading.set_busy_percent(all > 0 ? 100 * growth(cpu_.busy, now.busy) / all : 0);
    reading.set_processors(now.processors);
    cpu_ = now;
    to.send("host/cpu", reading);
  }

  static void send_memory(TypedSender& to) {
    const Memory memory = read_memory();
    fifomq::demo::v1::MemoryReading reading;
    reading.set_total_bytes(memory.total_bytes);
    reading.set_available_bytes(memory.available_bytes);
    to.send("host/memory", reading);
  }

  void send_disks(TypedSender& to, double seconds) {
    Disks now = totals_by_device();
    for (const auto& [device, totals] : now) {
      const auto before = disks_.find(device);
      if (before == disks_.end()) continue;
      fifomq::demo::v1::DiskReading reading;
      reading.set_device(device);
      reading.set_read_bytes_per_second(growth(before->second.read_bytes, totals.read_bytes) /
                                        seconds);
      reading.set_written_bytes_per_second(
          growth(before->second.written_bytes, totals.written_bytes) / seconds);
      to.send("host/disk/" + device, reading);
    }
    disks_ = std::move(now);
  }

  Clock::time_point taken_;
  CpuTotals cpu_;
  Disks disks_;
};

// False when it was asked to end before that moment. The signals are blocked, so they wait for this
// call and interrupt nothing else.
bool wait_until(Clock::time_point when, const sigset_t& stop_signals) {
  const auto left =
      std::max(std::chrono::nanoseconds(when - Clock::now()), std::chrono::nanoseconds::zero());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
  const timespec timeout{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
  return sigtimedwait(&stop_signals, nullptr, &timeout) < 0;
}

void run(const char* endpoint) {
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGINT);
  sigaddset(&stop_signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);

  const fifomq::Registry transports = fifomq::builtin_transports();
  TypedSender sender(transports.open_sender(endpoint));
  Host host;
  auto next = Clock::now() + kInterval;
  while (wait_until(next, stop_signals)) {
    host.send_readings(sender);
    next += kInterval;
  }
  sender.flush();
  std::cout << "sent " << sender.sent() << std::endl;
}

}  // namespace
}  // namespace demo

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: host_readings ENDPOINT   (such as fifo:/run/app/in)" << std::endl;
    return 2;
  }
  try {
    demo::run(argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "host_readings: " << error.what() << std::endl;
    return 1;
  }
}
