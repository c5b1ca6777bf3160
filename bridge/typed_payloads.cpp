#include "typed_payloads.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <stdexcept>
#include <utility>

#include <fifomq/error.hpp>

#include "config_error.hpp"
#include "core/base64.hpp"

namespace fifomq {
namespace {

const std::string kFileOption = "--descriptor-set";
const std::string kTypeOption = "--type";
// So many types are told apart in what is said of them; a peer could name a new one each time.
constexpr std::size_t kMostNoted = 64;
// So many lines are named that do not fit.
constexpr std::uint64_t kMostNamed = 10;

const PayloadTypes::Type& wanted_type(const PayloadTypes& types, const std::string& name) {
  if (const auto* const type = types.find(name)) return *type;
  throw ConfigError(kTypeOption + ": " + types.not_found(name));
}

// For the log: a peer may have put anything there.
bool is_name(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
  });
}

class Shower {
 public:
  Shower(const TypedSettings& settings, LogSink log)
      : types_(kFileOption, settings.descriptor_set),
        fallback_(settings.type),
        log_(std::move(log)) {
    if (!fallback_.empty()) wanted_type(types_, fallback_);
  }

  ShownPayload show(const MessageView& message) {
    const std::string_view name = message.type.empty() ? fallback_ : message.type;
    const PayloadTypes::Type* const type = types_.find(name);
    if (type == nullptr) {
      if (is_news(name)) note(name, why_unknown(name));
      return in_base64(message);
    }
    try {
      return {.text = types_.to_json(*type, message), .is_json = true};
    } catch (const std::exception& error) {
      if (is_news(name)) note(name, error.what());
      return in_base64(message);
    }
  }

 private:
  static ShownPayload in_base64(const MessageView& message) {
    return {.text = core::base64(message.payload)};
  }

  // What to say takes longer to find out than this.
  bool is_news(std::string_view name) const {
    return log_ && noted_.size() < kMostNoted && !noted_.contains(name);
  }

  std::string why_unknown(std::string_view name) const {
    if (name.empty()) return "they come without a type; " + kTypeOption + " can name it";
    return types_.not_found(name);
  }

  void note(std::string_view name, const std::string& why) {
    noted_.emplace(name);
    if (!is_name(name)) {
      return log_(LogLevel::warning, "payloads of what is no type are shown in base64");
    }
    const std::string of = name.empty() ? "" : " of " + std::string(name);
    log_(LogLevel::warning, "payloads" + of + " are shown in base64 where it must be: " + why);
  }

  const PayloadTypes types_;
  const std::string fallback_;
  const LogSink log_;
  std::set<std::string, std::less<>> noted_;
};

const TypedSettings& complete(const TypedSettings& settings) {
  if (settings.descriptor_set.empty()) {
    throw ConfigError(kTypeOption + ": " + kFileOption +
                      " FILE must say what the type is, as protoc --descriptor_set_out=FILE "
                      "writes it");
  }
  if (settings.type.empty()) {
    throw ConfigError(kFileOption + ": " + kTypeOption + " must say which of its types is sent");
  }
  return settings;
}

}  // namespace

ShowPayload payload_shower(const TypedSettings& settings, const LogSink& log) {
  if (settings.descriptor_set.empty() && settings.type.empty()) return {};
  if (settings.descriptor_set.empty()) complete(settings);
  return [shower = std::make_shared<Shower>(settings, log)](const MessageView& message) {
    return shower->show(message);
  };
}

JsonSender::JsonSender(std::unique_ptr<Sender> to, const TypedSettings& settings, LogSink log)
    : ForwardingSender(std::move(to)),
      types_(kFileOption, complete(settings).descriptor_set),
      type_(wanted_type(types_, settings.type)),
      log_(std::move(log)) {}

void JsonSender::begin(std::string source, const Receiver& from) {
  source_ = std::move(source);
  from_ = &from;
}

SendResult JsonSender::send(const MessageView& message, Deadline deadline) {
  std::string payload;
  try {
    payload = types_.from_json(type_, as_text(message.payload));
  } catch (const std::runtime_error& error) {
    refuse(error.what());
  }
  MessageView onward = message;
  onward.payload = as_byte_view(payload);
  onward.type = type_.full_name();
  return to().send(onward, deadline);
}

// The relay says the first one. Each line that has come so far was a message, also one that was too
// large to be handed out, and this is the last of them.
void JsonSender::refuse(const std::string& why) {
  const std::uint64_t line = from_->counters().messages_received;
  const std::string sentence = "line " + std::to_string(line) + " of " + source_ + " is no " +
                               type_.full_name() + ": " + why;
  const bool names = ++refused_ > 1 && refused_ <= kMostNamed && log_;
  const auto error = [&] { return Error(Errc::not_representable, endpoint().text(), sentence); };
  if (names) log_(LogLevel::warning, error().what());
  throw error();
}

}  // namespace fifomq
