// Errors are misuse, bad configuration, lack of permission, or a system that fails: exceptions.
// What happens in normal service (full, nobody there, end) is a value: see channel.hpp.
#pragma once

#include <string>
#include <system_error>

#include <fifomq/export.hpp>

namespace fifomq {

// What kind of error it is; stays the same where the sentence is reworded.
enum class Errc {
  invalid_endpoint = 1,  // the text is no endpoint, or names no known scheme
  unknown_option,        // a key the transport does not have
  invalid_option,        // a value the key does not take
  wrong_direction,       // sending on what only receives, or the other way round
  not_found,             // the path does not exist
  wrong_type,            // the path is something else
  permission_denied,     // the system refuses
  in_use,                // somebody else has it
  too_large,             // over max_message
  not_representable,     // this framing cannot carry that message
  full,                  // on_full=fail, and it is
  other_message_type,    // a typed message was expected, and another type came
  undecodable,           // the payload is no message of the type that was expected
  over_decode_limit,     // decoding the payload would go beyond DecodeLimits
  unsupported,           // not here: kernel, library, or transport
  system_failure,        // the system call failed for a reason of its own
};

// The name that stands in an error's text, such as "not_found".
FIFOMQ_EXPORT const char* error_name(Errc code) noexcept;

FIFOMQ_EXPORT const std::error_category& error_category() noexcept;  // named "fifomq"
FIFOMQ_EXPORT std::error_code make_error_code(Errc code) noexcept;   // in that category

// what() is one sentence for a person: "ENDPOINT: what is wrong, what would be right [error_name]".
// It is one line: control characters, and bytes that are not UTF-8, stand in it as "\xNN".
class FIFOMQ_EXPORT Error : public std::system_error {
 public:
  // The sentence without endpoint and name, which what() adds.
  Error(Errc code, std::string endpoint, const std::string& sentence);

  // The code as what it is; code() is the same for the standard library.
  Errc errc() const noexcept { return static_cast<Errc>(code().value()); }
  const std::string& endpoint() const noexcept { return endpoint_; }  // may be empty
  const char* what() const noexcept override;                         // as above

 private:
  std::string endpoint_;
  std::string text_;
};

}  // namespace fifomq

template <>
struct std::is_error_code_enum<fifomq::Errc> : std::true_type {};
