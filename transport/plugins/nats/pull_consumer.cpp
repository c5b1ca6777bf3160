#include "pull_consumer.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fifomq/error.hpp>

namespace fifomq::jetstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

// Of one request for messages.
constexpr std::uint64_t kMostMessages = 1'000;
constexpr std::uint64_t kMostOldMessages = 32;
constexpr std::uint64_t kMostBytes = std::uint64_t{4} << 20;
constexpr seconds kPullExpires{10};
constexpr seconds kHeartbeat{1};
// After so long without a sign of life it asks again; each time in succession it waits twice as
// long, so that a large message gets through that is slow to come.
constexpr unsigned kMostDoublings = 3;
constexpr milliseconds kPullSilence{3'500};
constexpr milliseconds kAnswerSilence{2'000};
constexpr milliseconds kPause{100};

// Of a consumer that is made. What is given out and not acknowledged is bounded by max_ack_pending,
// and comes again after ack_wait, which this does not rely on.
constexpr seconds kAckWait{60};
constexpr int kMaxAckPending = 20'000;

constexpr std::string_view kAckToken = "$JS.ACK.";
constexpr int kConsumerNotFound = 10014;
constexpr int kNoMessageFound = 10037;

// So many sequence numbers that are not ours may be put back with those that are: it costs less
// than to ask where ours are.
constexpr std::uint64_t kFewOthers = 1'000;

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// $JS.ACK.STREAM.CONSUMER.DELIVERED.STREAM_SEQUENCE.CONSUMER_SEQUENCE.TIME.PENDING; later servers
// put two tokens behind ACK and one at the end.
bool parse_ack(std::string_view reply, PullConsumer::Delivery& delivery) {
  const auto dots = std::ranges::count(reply, '.');
  if (dots < 8) return false;
  for (std::ptrdiff_t skip = dots == 8 ? 5 : 7; skip > 0; --skip) {
    reply.remove_prefix(reply.find('.') + 1);
  }
  delivery.stream_sequence = number_of(reply);
  delivery.consumer_sequence = number_of(reply.substr(reply.find('.') + 1));
  return delivery.stream_sequence > 0 && delivery.consumer_sequence > 0;
}

std::uint64_t number_at(const Json& info, const char* path) {
  return info.value(Json::json_pointer(path), std::uint64_t{0});
}

std::string_view data_of(const natsMsg* message) {
  return {natsMsg_GetData(message), static_cast<std::size_t>(natsMsg_GetDataLength(message))};
}

}  // namespace

PullConsumer::PullConsumer(const NatsOptions& options, Connection& connection, Complain complain)
    : options_(options),
      connection_(connection),
      complain_(std::move(complain)),
      api_suffix_(options.stream + "." + options.durable),
      ack_prefix_(std::string(kAckToken) + api_suffix_ + ".1."),
      look_at_(Clock::time_point::max()) {}

void PullConsumer::begin() {
  if (!connection_.is_up()) return stop();
  const bool silent = phase_ != Phase::waiting && Clock::now() >= look_at_;
  silences_ = silent ? std::min(silences_ + 1, kMostDoublings) : 0;
  under_way_ = 0;
  aside_.clear();
  ++beginnings_;
  delivery_inbox_ = connection_.renew_deliveries();
  ask(Phase::asking);
}

void PullConsumer::ask(Phase phase) {
  phase_ = phase;
  const std::string inbox = ask_inbox();
  connection_.publish("$JS.API.CONSUMER.INFO." + api_suffix_, inbox, "");
  news(kAnswerSilence);
}

std::string PullConsumer::ask_inbox() {
  return connection_.inbox("q" + std::to_string(++question_));
}

void PullConsumer::create() {
  const Json config = {{"durable_name", options_.durable},
                       {"deliver_policy", "all"},
                       {"ack_policy", "explicit"},
                       {"replay_policy", "instant"},
                       {"ack_wait", nanoseconds(kAckWait).count()},
                       {"max_deliver", -1},
                       {"max_ack_pending", kMaxAckPending},
                       {"filter_subject", options_.subject}};
  const Json request = {{"stream_name", options_.stream}, {"config", config}};
  const std::string inbox = ask_inbox();
  connection_.publish("$JS.API.CONSUMER.DURABLE.CREATE." + api_suffix_, inbox, request.dump());
  news(kAnswerSilence);
}

void PullConsumer::take(MessageHandle message) {
  const char* const reply = natsMsg_GetReply(message.get());
  if (reply != nullptr && std::string_view(reply).starts_with(kAckToken)) {
    return deliver(std::move(message), reply);
  }
  std::string_view name = natsMsg_GetSubject(message.get());
  name.remove_prefix(name.rfind('.') + 1);
  if (name.starts_with('p')) return take_status(name, message.get());
  const std::uint64_t number = number_of(name.substr(1));
  if (name.starts_with('c')) {
    confirmed_ = std::max(confirmed_, number);
    return;
  }
  if (number != question_) return;
  if (phase_ == Phase::settling) return ask(Phase::checking);
  const Json answered = Json::parse(data_of(message.get()), nullptr, false);
  if (answered.is_discarded()) {
    complain_("no stream answers");
    return pause();
  }
  if (phase_ == Phase::seeking) return found(answered);
  if (answered.contains("error")) return refused(answered.at("error"));
  answer(answered);
}

void PullConsumer::refused(const Json& error) {
  const int code = error.value("err_code", 0);
  if (code == kConsumerNotFound && phase_ == Phase::asking) return create();
  const auto why = error.value("description", std::string("it does not say why"));
  // 503: the servers are busy with themselves.
  if (error.value("code", 0) == 503 || code == kConsumerNotFound) {
    complain_(why);
    return pause();
  }
  throw Error(Errc::unsupported, options_.endpoint,
              "the consumer '" + options_.durable + "' cannot be used: " + why);
}

void PullConsumer::check_config(const Json& config) const {
  const auto text = [&](const char* key) { return config.value(key, std::string()); };
  const std::string filter = text("filter_subject");
  if (text("ack_policy") != "explicit" || !text("deliver_subject").empty()) {
    throw Error(Errc::in_use, options_.endpoint,
                "the consumer '" + options_.durable +
                    "' is of another kind than a pull consumer with explicit acknowledgement; "
                    "durable=NAME gives this receiver one of its own");
  }
  if (filter != options_.subject && !filter.empty()) {
    throw Error(Errc::in_use, options_.endpoint,
                "the consumer '" + options_.durable + "' reads '" + filter +
                    "'; durable=NAME gives this receiver one of its own");
  }
}

void PullConsumer::answer(const Json& info) {
  if (phase_ != Phase::asking) return place(info);
  config_ = info.value("config", Json::object());
  check_config(config_);
  part_ = read_part(config_.value("description", std::string()));
  // A request that has died, too: one that the server finds dead when it has taken a message out
  // of the queue of what is to come again, makes it forget that message for a while (2.9).
  const bool has_requests = number_at(info, "/num_waiting") > 0;
  in_use_ = !placed_ && has_requests;
  if (has_requests) return pause();
  const std::uint64_t floor = number_at(info, "/ack_floor/stream_seq");
  const std::uint64_t pending = number_at(info, "/num_ack_pending");
  last_ = placed_ ? std::max(last_, floor) : floor;
  acknowledged_ = std::max(acknowledged_, floor);
  if (pending == 0) return place(info);
  given_out_ = number_at(info, "/delivered/stream_seq");
  floor_ = floor;
  floor_consumer_ = number_at(info, "/ack_floor/consumer_seq");
  filter_ = config_.value("filter_subject", std::string());
  spans_.clear();
  span_ = 1;
  if (given_out_ > floor + pending + kFewOthers) return seek(floor + 1);
  if (given_out_ > floor) spans_.push_back({floor + 1, given_out_});
  put_back();
}

void PullConsumer::place(const Json& info) {
  placed_ = true;
  next_delivery_ = number_at(info, "/delivered/consumer_seq") + 1;
  old_until_ = number_at(info, "/delivered/stream_seq");
  old_ = number_at(info, "/num_ack_pending");
  old_came_ = 0;
  phase_ = Phase::pulling;
  news(kPullSilence);
}

// Between what is given out may stand millions of messages of other subjects, or none any more. So
// the stream is asked for the next one of ours, which begins a span that is the longer the denser
// ours stand.
void PullConsumer::seek(std::uint64_t from) {
  phase_ = Phase::seeking;
  seek_from_ = from;
  const Json request = {{"seq", from}, {"next_by_subj", filter_.empty() ? ">" : filter_}};
  const std::string inbox = ask_inbox();
  connection_.publish("$JS.API.STREAM.MSG.GET." + options_.stream, inbox, request.dump());
  news(kAnswerSilence);
}

void PullConsumer::found(const Json& answered) {
  const std::uint64_t at = number_at(answered, "/message/seq");
  const auto code = Json::json_pointer("/error/err_code");
  const bool is_last = answered.value(code, 0) == kNoMessageFound;
  if (!is_last && at < seek_from_) return pause();
  if (!is_last && at <= given_out_) {
    span_ =
        at == seek_from_ ? std::min(2 * span_, kFewOthers) : std::max(span_ / 2, std::uint64_t{1});
    spans_.push_back({at, std::min(at + span_ - 1, given_out_)});
    if (spans_.back().last < given_out_) return seek(spans_.back().last + 1);
  }
  put_back();
}

// First all are taken out of the queue of what is to come again, where some may stand already, then
// they are put into it one after another.
void PullConsumer::put_back() {
  if (spans_.empty() && floor_ == 0) return ask(Phase::checking);
  phase_ = Phase::settling;
  acknowledge_done();
  for (const std::string_view how : {"-NAK 60s", "-NAK"}) {
    for (const auto& [first, end] : spans_) {
      for (std::uint64_t at = first; at <= end; ++at) {
        const bool last = at == spans_.back().last && how == "-NAK";
        publish_ack(at, floor_consumer_ + 1, last ? ask_inbox() : std::string(), how);
      }
    }
  }
  news(kAnswerSilence);
}

// What is put back while its acknowledgement is on its way is given out for ever: the server knows
// that it is done with, and yet counts it. Such ones stand right below the floor.
void PullConsumer::acknowledge_done() {
  constexpr std::uint64_t kMostDone = 64;
  for (std::uint64_t at = floor_ - std::min(floor_, kMostDone) + 1; at <= floor_; ++at) {
    const bool last = at == floor_ && spans_.empty();
    publish_ack(at, floor_consumer_, last ? ask_inbox() : std::string(), "+ACK");
  }
}

void PullConsumer::deliver(MessageHandle message, std::string_view reply) {
  Delivery delivery;
  if (phase_ != Phase::pulling || !parse_ack(reply, delivery)) return;
  silences_ = 0;
  news(kPullSilence);
  if (delivery.consumer_sequence != next_delivery_) return begin();
  const std::uint64_t at = delivery.stream_sequence;
  const bool is_old = at <= old_until_ && old_ > 0;
  if (!is_old && old_ > 0) return pause();
  ++next_delivery_;
  any_came_ = true;
  if (under_way_ > 0) --under_way_;
  if (at == part_.stream_sequence) delivery.taken = part_.frames;
  if (is_old) {
    --old_;
    old_came_ = at;
  }
  delivery.message = std::move(message);
  if (at <= last_) {
    // It is here, or has been done with and the server has not heard of it.
    if (at <= acknowledged_) acknowledge(delivery);
  } else if (is_old && at > last_ + 1) {
    aside_.insert_or_assign(at, std::move(delivery));
  } else {
    append(std::move(delivery));
  }
  if (old_ == 0) append_aside();
}

void PullConsumer::append(Delivery delivery) {
  last_ = delivery.stream_sequence;
  deliveries_.push_back(std::move(delivery));
}

void PullConsumer::append_aside() {
  for (auto& [at, delivery] : aside_) append(std::move(delivery));
  aside_.clear();
}

void PullConsumer::take_status(std::string_view name, natsMsg* message) {
  if (phase_ != Phase::pulling || number_of(name.substr(1)) != pull_) return;
  const char* status = nullptr;
  const char* description = nullptr;
  natsMsgHeader_Get(message, "Status", &status);
  natsMsgHeader_Get(message, "Description", &description);
  const std::string_view code = status != nullptr ? status : "";
  const std::string_view text = description != nullptr ? description : "";
  silences_ = 0;
  news(kPullSilence);
  if (code == "100") return;
  under_way_ = 0;
  if (text.find("MaxBytes") != std::string_view::npos) {
    one_of_any_size_ = !any_came_;
  } else if (code != "408" && code != "404") {
    complain_(text);
    pause();
  }
}

void PullConsumer::pull(std::uint64_t wanted) {
  if (phase_ != Phase::pulling || under_way_ > 0 || wanted == 0) return;
  // A bound on bytes has the same effect as a request that has died: see answer().
  const bool one = std::exchange(one_of_any_size_, false);
  const bool bounded = !one && old_ == 0;
  under_way_ = one ? 1 : std::min(wanted, bounded ? kMostMessages : kMostOldMessages);
  any_came_ = false;
  Json request = {{"batch", under_way_},
                  {"expires", nanoseconds(kPullExpires).count()},
                  {"idle_heartbeat", nanoseconds(kHeartbeat).count()}};
  if (bounded) request["max_bytes"] = kMostBytes;
  connection_.publish("$JS.API.CONSUMER.MSG.NEXT." + api_suffix_,
                      delivery_inbox_ + ".p" + std::to_string(++pull_), request.dump());
  news(kPullSilence);
}

void PullConsumer::stop() {
  phase_ = Phase::waiting;
  look_at_ = Clock::time_point::max();
}

void PullConsumer::acknowledge(const Delivery& delivery) { acknowledge(delivery, std::string()); }

void PullConsumer::acknowledge_and_confirm(const Delivery& delivery) {
  acknowledge(delivery, connection_.inbox("c" + std::to_string(++confirm_asked_)));
}

void PullConsumer::acknowledge(const Delivery& delivery, const std::string& reply) {
  const std::uint64_t at = delivery.stream_sequence;
  // One that was put back does not come any more.
  if (at > acknowledged_ && at > old_came_ && at <= old_until_ && old_ > 0) --old_;
  if (old_ == 0) append_aside();
  acknowledged_ = std::max(acknowledged_, at);
  publish_ack(at, delivery.consumer_sequence, reply, "+ACK");
}

void PullConsumer::keep_part(const Delivery& delivery, std::uint64_t frames) {
  const PartTaken part{.stream_sequence = delivery.stream_sequence, .frames = frames};
  config_["description"] = with_part(config_.value("description", std::string()), part);
  const Json request = {{"stream_name", options_.stream}, {"config", config_}};
  connection_.publish("$JS.API.CONSUMER.DURABLE.CREATE." + api_suffix_,
                      connection_.inbox("c" + std::to_string(++confirm_asked_)), request.dump());
}

void PullConsumer::publish_ack(std::uint64_t stream_sequence, std::uint64_t consumer_sequence,
                               const std::string& reply, std::string_view what) {
  connection_.publish(ack_prefix_ + std::to_string(stream_sequence) + "." +
                          std::to_string(consumer_sequence) + ".0.0",
                      reply, what);
}

void PullConsumer::pause() {
  phase_ = Phase::waiting;
  look_at_ = Clock::now() + kPause;
}

void PullConsumer::news(milliseconds most_silence) {
  look_at_ = Clock::now() + most_silence * (1U << silences_);
}

}  // namespace fifomq::jetstream
