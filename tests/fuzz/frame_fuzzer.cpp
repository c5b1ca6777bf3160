// The body of a frame, against the Protobuf runtime: what we take for one the runtime reads the
// same, and what the runtime makes of any bytes, put in our order, we read the same.
#include <string>
#include <string_view>

#include "core/frame.hpp"
#include "core/plain_frame.hpp"
#include "core/utf8.hpp"
#include "frame.pb.h"
#include "fuzz/target.hpp"
#include "support/wire.hpp"

namespace fifomq::test {
namespace {

using core::ParseStatus;

void require_same(const core::Frame& frame, const v1::Frame& read) {
  require(read.sync() == core::kSync, "sync");
  require(frame.writer == read.writer(), "writer");
  require(frame.sequence == read.sequence(), "sequence");
  require(frame.topic == read.topic(), "topic");
  require(frame.type == read.type(), "type");
  require(frame.sent_unix_nanos == read.sent_unix_nanos(), "sent_unix_nanos");
  require(frame.hops == read.hops(), "hops");
  require(frame.stream == read.stream(), "stream");
  require(frame.fragment_of == read.fragment_of(), "fragment_of");
  require(frame.total_size == read.total_size(), "total_size");
  require(frame.offset == read.offset(), "offset");
  require(as_text(frame.payload) == read.payload(), "payload");
}

// Of a whole body no front is wrong, and `needed` is the truth.
void check_fronts(std::string_view body, ParseStatus whole) {
  core::Frame frame;
  std::string unknown;
  for (std::size_t here = 0; here < body.size(); ++here) {
    const auto part =
        core::parse_fields(as_byte_view(body.substr(0, here)), body.size(), frame, unknown);
    require(part.status != ParseStatus::parsed, "a front is not the whole");
    if (part.status == ParseStatus::invalid) {
      require(whole == ParseStatus::invalid, "what is wrong stays wrong");
      return;
    }
    require(part.needed > here && part.needed <= body.size(), "needed is ahead, and inside");
    for (std::size_t more = here + 1; more < part.needed && more < here + 50; ++more) {
      const auto next =
          core::parse_fields(as_byte_view(body.substr(0, more)), body.size(), frame, unknown);
      require(next.status == ParseStatus::incomplete && next.needed == part.needed,
              "before it nothing can be said");
    }
  }
}

void check_ours(std::string_view body, const core::Frame& frame) {
  v1::Frame read;
  require(read.ParseFromArray(body.data(), static_cast<int>(body.size())), "the runtime reads it");
  require_same(frame, read);
  if (frame.checked) {
    require(read.crc32c() == core::crc32c(as_byte_view(body).subspan(core::kCheckedFrom)),
            "the checksum is right");
  }
  const std::string written = body_of(frame);
  v1::Frame read_again;
  require(read_again.ParseFromString(written), "the runtime reads what we write");
  require_same(frame, read_again);
}

bool within_bounds(const v1::Frame& frame) {
  const bool fragment = frame.fragment_of() != 0;
  const bool consistent =
      fragment ? frame.stream() != 0 && frame.total_size() != 0 &&
                     frame.offset() <= frame.total_size() &&
                     frame.payload().size() <= frame.total_size() - frame.offset()
               : frame.stream() == 0 && frame.total_size() == 0 && frame.offset() == 0;
  return consistent && frame.topic().size() <= core::kMaxTopicBytes &&
         frame.type().size() <= core::kMaxTypeBytes && core::is_utf8(frame.topic()) &&
         core::is_utf8(frame.type());
}

void check_theirs(std::string_view bytes) {
  v1::Frame made;
  if (!made.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  made.DiscardUnknownFields();
  made.clear_sync();
  made.clear_crc32c();
  if (!within_bounds(made)) return;
  for (const bool checked : {false, true}) {
    const std::string fields = made.SerializeAsString();
    const std::string body = checked ? checked_body(fields) : unchecked_body(fields);
    core::Frame frame;
    std::string unknown;
    require(core::parse_body(as_byte_view(body), frame, unknown) == ParseStatus::parsed,
            "we read what the runtime writes");
    require(frame.checked == checked, "we see whether it has a checksum");
    made.set_sync(core::kSync);
    require_same(frame, made);
    made.clear_sync();
  }
}

// The shorter way through the codec sees what the other one sees, or leaves it alone.
void check_plain(std::string_view body) {
  const std::string bytes = delimited(body);
  MessageView plain;
  const std::size_t size = core::read_plain_frame(as_byte_view(bytes), plain);
  if (size == 0) return;
  core::Frame frame;
  std::string unknown;
  require(size == bytes.size() &&
              core::parse_body(as_byte_view(body), frame, unknown) == ParseStatus::parsed,
          "it is a frame");
  const MessageView whole = core::to_message(frame);
  require(!frame.is_fragment() && frame.checked && whole.topic == plain.topic &&
              whole.type == plain.type && as_text(whole.payload) == as_text(plain.payload) &&
              whole.origin == plain.origin && whole.hops == plain.hops &&
              whole.sent_unix_nanos == plain.sent_unix_nanos && whole.unknown_fields.empty(),
          "the same is read in it");
}

void check(std::string_view body) {
  core::Frame frame;
  std::string unknown;
  const ParseStatus status = core::parse_body(as_byte_view(body), frame, unknown);
  if (status == ParseStatus::parsed) check_ours(body, frame);
  check_plain(body);
  check_fronts(body, status == ParseStatus::wrong_check ? ParseStatus::parsed : status);
}

}  // namespace
}  // namespace fifomq::test

// The first byte says whether sync, or sync and a right checksum, are put in front.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fifomq::test;
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const int front = data[0] % 3;
  check(front == 0 ? std::string(rest) : front == 1 ? unchecked_body(rest) : checked_body(rest));
  check_theirs(rest);
  return 0;
}
