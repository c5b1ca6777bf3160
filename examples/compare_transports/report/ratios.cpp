#include "report/ratios.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "report/format.hpp"

namespace compare {
namespace {

constexpr std::size_t kKib = 1024;
constexpr std::size_t kMib = kKib * kKib;

struct Bounds {
  double floor = 0;
  std::optional<double> aim;
};

class Ratios {
 public:
  explicit Ratios(const Results& results) : results_(results) {}

  std::vector<Ratio> take() { return std::move(ratios_); }

  void add(std::string what, std::optional<double> measured, Bounds bounds,
           bool less_is_better = false) {
    if (!measured) return;
    ratios_.push_back({.what = std::move(what),
                       .measured = *measured,
                       .floor = bounds.floor,
                       .aim = bounds.aim,
                       .less_is_better = less_is_better});
  }

  // By messages per second, which at one size is also by bytes.
  static std::optional<double> rate(const std::vector<RateRow>& rows, std::string_view one,
                                    std::string_view other, std::size_t size) {
    const RateRow* first = find_row(rows, one, size);
    const RateRow* second = find_row(rows, other, size);
    if (first == nullptr || second == nullptr) return std::nullopt;
    return first->messages_per_second.median / second->messages_per_second.median;
  }

  void add_rate(std::string_view one, std::string_view other, std::size_t size, Bounds bounds) {
    add(std::string(one) + " / " + std::string(other) + ", msg/s at " + size_text(size),
        rate(results_.rows, one, other, size), bounds);
  }

  void add_libzmq() {
    add_rate(rows::kFifo, rows::kLibzmqIpc, 64, {6, 12});
    add_rate(rows::kFifo, rows::kLibzmqIpc, kKib, {4, 6});
    add_rate(rows::kFifo, rows::kLibzmqIpc, 64 * kKib, {2.5, 4});
    add_rate(rows::kFifo, rows::kLibzmqIpc, kMib, {1, 2});
  }

  void add_boost_and_pipe() {
    add_rate(rows::kFifo, rows::kBoost, 64, {2, 4});
    add_rate(rows::kFifo, rows::kBoost, kKib, {1, 2});
    add_rate(rows::kFifo, rows::kRawPipe4KiB, kKib, {0.6, 1});
    add_rate(rows::kFifo, rows::kRawPipe4KiB, 64 * kKib, {0.6, 1});
  }

  // The one that comes nearest, at each size.
  void add_other_rivals() {
    constexpr std::array kOthers{rows::kLibzmqTcp, rows::kNngIpc, rows::kNanomsgIpc,
                                 rows::kSeqpacket, rows::kPosixMq};
    for (const RateRow& row : results_.rows) {
      if (row.transport != rows::kFifo) continue;
      std::optional<double> least;
      std::string_view nearest;
      for (const std::string_view other : kOthers) {
        const auto ratio = rate(results_.rows, rows::kFifo, other, row.message_bytes);
        if (!ratio || (least && *least <= *ratio)) continue;
        least = ratio;
        nearest = other;
      }
      add("fifo / best other rival (" + std::string(nearest) + "), msg/s at " +
              size_text(row.message_bytes),
          least, {1, {}});
    }
  }

  void add_latencies() {
    const LatencyRow* lone_fifo = find_row(results_.one_way, rows::kFifo);
    const LatencyRow* lone_pipe = find_row(results_.one_way, rows::kRawPipe);
    if (lone_fifo != nullptr && lone_pipe != nullptr) {
      add("lone message one way, fifo / raw pipe, p50",
          lone_fifo->us_p50.median / lone_pipe->us_p50.median, {1.2, {}}, true);
      add("lone message one way, fifo / raw pipe, p99",
          lone_fifo->us_p99.median / lone_pipe->us_p99.median, {1.5, {}}, true);
    }
    const LatencyRow* busy = find_row(results_.round_trips, rows::kFifoBusyPoll);
    const LatencyRow* spinning = find_row(results_.round_trips, rows::kRawPipeSpinning);
    const LatencyRow* libzmq = find_row(results_.round_trips, rows::kLibzmqIpc);
    if (busy != nullptr && spinning != nullptr) {
      add("round trip p50, fifo busy_poll / raw pipe spinning",
          busy->us_p50.median / spinning->us_p50.median, {2, 1.2}, true);
    }
    if (busy != nullptr && libzmq != nullptr) {
      add("round trip p50, libzmq ipc / fifo busy_poll",
          libzmq->us_p50.median / busy->us_p50.median, {30, 80});
    }
  }

  void add_zmq_channels() {
    for (const RateRow& row : results_.rows) {
      if (row.transport == rows::kZmqIpc) {
        add_rate(rows::kZmqIpc, rows::kLibzmqIpc, row.message_bytes, {0.9, {}});
      }
      if (row.transport == rows::kZmqTcp) {
        add_rate(rows::kZmqTcp, rows::kLibzmqTcp, row.message_bytes, {0.9, {}});
      }
    }
  }

  void add_bridge() {
    for (const std::size_t size : {std::size_t{64}, kKib}) {
      add("bridge / bare PUSH > PULL, msg/s at " + size_text(size),
          rate(results_.bridge, rows::kBridge, rows::kLibzmqIpc, size), {0.8, {}});
      const RateRow* bridge = find_row(results_.bridge, rows::kBridge, size);
      const RateRow* bare = find_row(results_.bridge, rows::kLibzmqIpc, size);
      if (bridge == nullptr || bare == nullptr) continue;
      add("bridge CPU / bare zmq_send loop CPU, per message at " + size_text(size),
          bridge->relay_cpu_ns.median / bare->sender_cpu_ns.median, {1.3, 1.1}, true);
    }
    add("bridge with batch=64KiB / bare PUSH > PULL, msg/s at 64 B",
        rate(results_.bridge, rows::kBridgeBatch, rows::kLibzmqIpc, 64), {3, 6});
    add("bridge to zmq+reliable / to a bare PULL, msg/s at 1 KiB",
        rate(results_.bridge, rows::kBridgeReliable, rows::kBridge, kKib), {0.5, 0.7});
    add("bridge with a spool to zmq+reliable / to a bare PULL, msg/s at 1 KiB",
        rate(results_.bridge, rows::kBridgeSpool, rows::kBridge, kKib), {0.4, {}});
  }

  void add_writers() {
    const RateRow* one = nullptr;
    const RateRow* most = nullptr;
    for (const RateRow& row : results_.writers) {
      if (row.writers == 1) one = &row;
      if (row.writers == 64) most = &row;
    }
    if (one == nullptr || most == nullptr) return;
    add("time per message, 64 writers / 1 writer",
        one->messages_per_second.median / most->messages_per_second.median, {2, 1.2}, true);
  }

 private:
  const Results& results_;
  std::vector<Ratio> ratios_;
};

}  // namespace

std::string Ratio::bound_text(double bound) const {
  std::string text = fixed(bound, 2);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return (less_is_better ? "<= " : ">= ") + text + "x";
}

const char* Ratio::verdict() const {
  if (!reaches(floor)) return "MISSED";
  if (!aim) return "reached";
  return reaches(*aim) ? "aim reached" : "floor reached";
}

std::vector<Ratio> make_ratios(const Results& results) {
  Ratios ratios(results);
  ratios.add_libzmq();
  ratios.add_boost_and_pipe();
  ratios.add_other_rivals();
  ratios.add_latencies();
  ratios.add_zmq_channels();
  ratios.add_bridge();
  ratios.add_writers();
  return ratios.take();
}

}  // namespace compare
