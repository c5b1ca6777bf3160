// A durable JetStream consumer, read in order by one receiver.
//
// The server gives out again what was given to a receiver that died, or was lost on its way, but
// when it sees fit and between new messages. So whenever something may have been lost (a new
// receiver, a new connection, a number missing in the server's count of deliveries, silence) this
// asks how far the consumer is, puts back all that is given out and not here, oldest first, and
// only then goes on.
#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connection.hpp"
#include "part_taken.hpp"

namespace fifomq::jetstream {

class PullConsumer {
 public:
  struct Delivery {
    MessageHandle message{};
    std::uint64_t stream_sequence = 0;
    std::uint64_t consumer_sequence = 0;
    std::uint64_t taken = 0;  // of its frames, by an earlier receiver
  };

  using Complain = std::function<void(std::string_view why)>;

  // `complain` hears why the server gives out nothing now.
  PullConsumer(const NatsOptions& options, Connection& connection, Complain complain);

  // Asks anew how far the consumer is. For a connection that has just been made.
  void begin();
  // It has found its place once.
  bool ready() const { return placed_; }
  // Another receiver was waiting for messages when begin() asked last.
  bool in_use() const { return in_use_; }

  // Begins in a moment.
  void pause();

  // What came to the connection's inbox. Throws Error for what no other try would mend.
  void take(MessageHandle message);
  // When to call begin() again, unless something comes before.
  std::chrono::steady_clock::time_point look_at() const { return look_at_; }

  // Asks for messages, up to so many in `wanted`, as soon as none are under way.
  void pull(std::uint64_t wanted);
  // What comes from now on, until begin(), is left to the next receiver.
  void stop();
  // What has been delivered, in order, each message once.
  std::deque<Delivery>& deliveries() { return deliveries_; }
  const std::deque<Delivery>& deliveries() const { return deliveries_; }

  // Done with: it will not come again. In the order of delivery.
  void acknowledge(const Delivery& delivery);
  // The same, and confirmed() says so once the server has this and all acknowledgements before.
  void acknowledge_and_confirm(const Delivery& delivery);
  bool confirmed() const { return confirmed_ == confirm_asked_; }
  // Of a delivery that is not acknowledged, the first frames are done with: the next receiver that
  // gets it knows. confirmed() says so once the server has this.
  void keep_part(const Delivery& delivery, std::uint64_t frames);
  // How often it had to begin: what was to be confirmed then may never be.
  std::uint64_t beginnings() const { return beginnings_; }

 private:
  enum class Phase {
    waiting,   // for a connection, or for a moment
    asking,    // how far the consumer is
    seeking,   // where in the stream what is given out may stand
    settling,  // what is given out is put back
    checking,  // how much has been put back
    pulling,
  };

  void ask(Phase phase);
  std::string ask_inbox();
  void create();
  void answer(const nlohmann::json& info);
  void check_config(const nlohmann::json& config) const;
  void refused(const nlohmann::json& error);
  void place(const nlohmann::json& info);
  void seek(std::uint64_t from);
  void found(const nlohmann::json& answered);
  void put_back();
  void acknowledge_done();
  void deliver(MessageHandle message, std::string_view reply);
  void append(Delivery delivery);
  void append_aside();
  void take_status(std::string_view name, natsMsg* message);
  void news(std::chrono::milliseconds most_silence);
  void acknowledge(const Delivery& delivery, const std::string& reply);
  void publish_ack(std::uint64_t stream_sequence, std::uint64_t consumer_sequence,
                   const std::string& reply, std::string_view what);

  const NatsOptions& options_;
  Connection& connection_;
  const Complain complain_;
  const std::string api_suffix_;
  const std::string ack_prefix_;
  std::string delivery_inbox_;
  Phase phase_ = Phase::waiting;
  bool placed_ = false;
  bool in_use_ = false;
  std::uint64_t question_ = 0;   // number of the last one: only its answer counts
  std::uint64_t pull_ = 0;       // number of the last one
  std::uint64_t under_way_ = 0;  // messages asked for that have not come
  bool any_came_ = false;        // of the last pull
  bool one_of_any_size_ = false;
  std::uint64_t last_ = 0;           // stream sequence of what was delivered last
  std::uint64_t acknowledged_ = 0;   // stream sequence, by anybody
  std::uint64_t next_delivery_ = 0;  // consumer sequence
  // What was put back, up to this stream sequence, comes before all else: how many are still to
  // come, and which came last. Of those behind a gap in the stream's sequence one cannot tell what
  // is missing; they are kept aside until all are here.
  std::uint64_t old_until_ = 0;
  std::uint64_t old_ = 0;
  std::uint64_t old_came_ = 0;
  std::map<std::uint64_t, Delivery> aside_;  // by stream sequence
  // What may be given out: somewhere behind the floor, up to here. Each span may hold some of it,
  // and nothing of it stands outside of them.
  struct Span {
    std::uint64_t first;
    std::uint64_t last;
  };
  std::uint64_t given_out_ = 0;       // stream sequence
  std::uint64_t floor_ = 0;           // stream sequence: all up to here is done with
  std::uint64_t floor_consumer_ = 0;  // consumer sequence
  std::uint64_t seek_from_ = 0;       // stream sequence
  std::uint64_t span_ = 0;            // how long the next one is
  std::vector<Span> spans_;
  std::string filter_;  // subjects that the consumer takes
  nlohmann::json config_;
  PartTaken part_;  // by an earlier receiver
  std::uint64_t beginnings_ = 0;
  std::uint64_t confirm_asked_ = 0;
  std::uint64_t confirmed_ = 0;
  std::chrono::steady_clock::time_point look_at_;
  unsigned silences_ = 0;  // in succession
  std::deque<Delivery> deliveries_;
};

}  // namespace fifomq::jetstream
