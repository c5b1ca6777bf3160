#include <algorithm>
#include <charconv>

#include <fifomq/endpoint.hpp>
#include <fifomq/error.hpp>

namespace fifomq {
namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& sentence) {
  throw Error(Errc::invalid_endpoint, std::string(text), sentence);
}

std::string decode_percent(std::string_view encoded, std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] != '%') {
      decoded += encoded[i];
      continue;
    }
    const std::string_view digits = encoded.substr(i + 1, 2);
    unsigned value = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value, 16);
    if (digits.size() != 2 || error != std::errc{} || stop != end || value == 0) {
      refuse(text,
             "'%" + std::string(digits) + "' stands for no byte; a percent sign itself is %25");
    }
    decoded += static_cast<char>(value);
    i += 2;
  }
  return decoded;
}

bool is_scheme(std::string_view scheme) {
  return !scheme.empty() && std::ranges::all_of(scheme, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  });
}

}  // namespace

Endpoint Endpoint::parse(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) refuse(text, "it holds a byte of value zero");
  Endpoint endpoint;
  endpoint.text_ = text;
  const std::size_t question = std::min(text.find('?'), text.size());
  const std::string_view front = text.substr(0, question);
  const std::size_t colon = std::min(front.find(':'), front.size());
  endpoint.scheme_ = front.substr(0, colon);
  if (!is_scheme(endpoint.scheme_)) {
    refuse(text, "this is no endpoint; one is written SCHEME:ADDRESS[?KEY=VALUE&...]");
  }
  if (colon < front.size()) {
    endpoint.address_ = decode_percent(front.substr(colon + 1), text);
  }
  std::string_view rest = text.substr(std::min(question + 1, text.size()));
  while (!rest.empty()) {
    const std::string_view option = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(option.size() + 1, rest.size()));
    const std::size_t equals = option.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      refuse(text, "option '" + std::string(option) + "' is not of the form KEY=VALUE");
    }
    const std::string key(option.substr(0, equals));
    const auto same_key = [&key](const auto& other) { return other.first == key; };
    if (std::ranges::any_of(endpoint.options_, same_key)) {
      refuse(text, "option '" + key + "' is given twice");
    }
    endpoint.options_.emplace_back(key, decode_percent(option.substr(equals + 1), text));
  }
  return endpoint;
}

}  // namespace fifomq
