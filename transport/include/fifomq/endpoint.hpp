// An endpoint is a text, `scheme:address[?key=value&...]`: the one thing that changes when a
// service changes its transport.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fifomq/export.hpp>

namespace fifomq {

// The text in its parts. Knows no scheme: what they mean is the transport's business.
class FIFOMQ_EXPORT Endpoint {
 public:
  // Splits the text; a scheme without an address (`-`) needs no colon. %XX stands for a byte in the
  // address and in values, so that a path may hold a '?'. Throws Error (invalid_endpoint) for a
  // text that has no scheme, a broken %XX, an option without '=', or a key given twice. Which keys
  // there are is the transport's business.
  static Endpoint parse(std::string_view text);

  const std::string& text() const { return text_; }        // as it was given
  const std::string& scheme() const { return scheme_; }    // before the first ':'
  const std::string& address() const { return address_; }  // between ':' and '?', decoded
  // Keys and decoded values, in the order given; no key stands there twice.
  const std::vector<std::pair<std::string, std::string>>& options() const { return options_; }

 private:
  std::string text_;
  std::string scheme_;
  std::string address_;
  std::vector<std::pair<std::string, std::string>> options_;
};

}  // namespace fifomq
