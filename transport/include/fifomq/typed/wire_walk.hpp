// What decoding a Protobuf payload would cost, found out before any of it is decoded.
//
// A payload can be a small part of what it becomes: an empty submessage takes two bytes on the
// wire and a hundred as an object, a packed number one byte and sixteen, an unknown field two and
// fifty. Protobuf bounds the depth of what it reads, not its memory. The walk goes over the wire
// format with the type's descriptor, takes no memory itself, does not recurse, and adds up the most
// that the runtime may allocate, growing arrays included.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <fifomq/message.hpp>

namespace fifomq::typed {

// What a walk has found.
enum class WalkResult {
  fits,         // within all limits
  damaged,      // no wire format, or lengths that do not fit into each other
  too_deep,     // more messages inside each other than the limit
  too_large,    // more memory than the limit
  message_set,  // Protobuf's old MessageSet, whose memory the walk cannot tell
};

// One payload, once.
class WireWalk {
 public:
  // Where the Protobuf runtime itself stops.
  static constexpr int kMostDepth = 100;

  // `prototype` is any message of the type. `depth` counts the messages inside the outermost one;
  // `memory` is in bytes.
  WireWalk(const google::protobuf::Message& prototype, int depth, std::uint64_t memory)
      : factory_(prototype.GetReflection()->GetMessageFactory()),
        most_depth_(static_cast<std::size_t>(std::clamp(depth, 0, kMostDepth))),
        most_memory_(memory),
        type_(prototype.GetDescriptor()) {
    check_supported(type_);
  }

  // Once for each object. What it finds first is the result.
  WalkResult walk(ByteView payload) {
    at_ = payload.data();
    levels_[0] = {type_, at_ + payload.size(), 0, 0, false};
    while (result_ == WalkResult::fits && (depth_ > 0 || at_ != levels_[0].end)) step();
    return result_;
  }

  // The most that decoding allocates beside the outermost object.
  std::uint64_t memory_bytes() const { return memory_; }

 private:
  using Type = google::protobuf::Descriptor;
  using Field = google::protobuf::FieldDescriptor;

  enum Wire : std::uint32_t { varint, fixed64, length, open_group, close_group, fixed32 };

  // A message, or an unknown group, that the walk is inside of.
  struct Level {
    const Type* type;  // null in an unknown group
    const std::byte* end;
    std::uint32_t group;     // the number that closes it; 0: it ends at `end`
    std::uint32_t previous;  // number of the field before; 0 at the beginning
    bool previous_known;
  };

  struct ObjectSize {
    const Type* type = nullptr;
    std::uint64_t bytes = 0;
  };

  static constexpr int kMostTagBytes = 5;
  static constexpr int kMostLengthBytes = 5;
  static constexpr int kMostVarintBytes = 10;

  // Upper bounds for Protobuf 3.21 with its memory from malloc; unit_typed and fuzz_typed hold them
  // against what is allocated.
  static constexpr std::uint64_t kAllocation = 32;  // what malloc adds and rounds up
  // An array doubles: while it grows, the old and the new one hold three times its elements.
  static constexpr std::uint64_t kGrowth = 3;
  static constexpr std::uint64_t kPointer = kGrowth * sizeof(void*);
  static constexpr std::uint64_t kUnknownField = kGrowth * 16;
  static constexpr std::uint64_t kString = sizeof(std::string) + kAllocation;
  static constexpr std::uint64_t kMapEntry = 256;  // node, share of the table, key, value
  static constexpr std::uint64_t kFirst = 128;     // an array's first block, or the unknown fields'
  static constexpr std::uint64_t kExtension = 384;  // an entry in the growing set, its object

  void fail(WalkResult why) {
    if (result_ == WalkResult::fits) result_ = why;
  }

  void charge(std::uint64_t bytes) {
    memory_ += bytes;
    if (memory_ > most_memory_) fail(WalkResult::too_large);
  }

  void check_supported(const Type* type) {
    if (type->options().message_set_wire_format()) fail(WalkResult::message_set);
  }

  void step() {
    Level& level = levels_[depth_];
    if (at_ == level.end) return leave(level);
    std::uint64_t tag = 0;
    // Five bytes hold more than 32 bits; the runtime drops what is over.
    if (!take_varint(level.end, kMostTagBytes, tag)) return;
    const std::uint32_t number = static_cast<std::uint32_t>(tag) >> 3;
    const std::uint32_t wire = tag & 7;
    if (number == 0) return fail(WalkResult::damaged);
    if (wire == close_group) return leave_group(level, number);
    const Field* field = field_of(level.type, number, wire);
    charge_first(level, number, field);
    switch (wire) {
      case varint:
        return walk_varint(level, field);
      case fixed64:
        return walk_fixed(level, field, sizeof(std::uint64_t));
      case fixed32:
        return walk_fixed(level, field, sizeof(std::uint32_t));
      case length:
        return walk_length(level, field);
      case open_group:
        return walk_group(level, field, number);
      default:
        return fail(WalkResult::damaged);
    }
  }

  void leave(const Level& level) {
    if (level.group != 0) return fail(WalkResult::damaged);
    --depth_;
  }

  void leave_group(const Level& level, std::uint32_t number) {
    if (level.group != number) return fail(WalkResult::damaged);
    --depth_;
  }

  void enter(const Type* type, const std::byte* end, std::uint32_t group) {
    if (depth_ == most_depth_) return fail(WalkResult::too_deep);
    levels_[++depth_] = {type, end, group, 0, false};
  }

  bool take_varint(const std::byte* end, int most_bytes, std::uint64_t& value) {
    value = 0;
    for (int i = 0; i < most_bytes && at_ != end; ++i) {
      const auto digit = static_cast<std::uint64_t>(*at_++);
      value |= (digit & 0x7F) << (7 * i);
      if (digit < 0x80) return true;
    }
    fail(WalkResult::damaged);
    return false;
  }

  // Null where the runtime keeps an unknown field: it has none of that number, or one that is
  // written otherwise.
  static const Field* field_of(const Type* type, std::uint32_t number, std::uint32_t wire) {
    if (type == nullptr) return nullptr;
    const int signed_number = static_cast<int>(number);
    const Field* field = type->FindFieldByNumber(signed_number);
    if (field == nullptr && type->FindExtensionRangeContainingNumber(signed_number) != nullptr) {
      field = type->file()->pool()->FindExtensionByNumber(type, signed_number);
    }
    if (field == nullptr) return nullptr;
    const bool packed = wire == length && field->is_packable();
    return packed || wire == wire_of(*field) ? field : nullptr;
  }

  static Wire wire_of(const Field& field) {
    switch (field.type()) {
      case Field::TYPE_DOUBLE:
      case Field::TYPE_FIXED64:
      case Field::TYPE_SFIXED64:
        return fixed64;
      case Field::TYPE_FLOAT:
      case Field::TYPE_FIXED32:
      case Field::TYPE_SFIXED32:
        return fixed32;
      case Field::TYPE_STRING:
      case Field::TYPE_BYTES:
      case Field::TYPE_MESSAGE:
        return length;
      case Field::TYPE_GROUP:
        return open_group;
      default:
        return varint;
    }
  }

  static std::uint64_t element_bytes(const Field& field) {
    switch (field.cpp_type()) {
      case Field::CPPTYPE_INT64:
      case Field::CPPTYPE_UINT64:
      case Field::CPPTYPE_DOUBLE:
        return sizeof(std::uint64_t);
      default:
        return sizeof(std::uint32_t);
    }
  }

  // Elements of one field mostly stand together; where they do not, each of them pays for a first
  // block.
  void charge_first(Level& level, std::uint32_t number, const Field* field) {
    const bool known = field != nullptr;
    const bool again = known ? level.previous_known && level.previous == number
                             : !level.previous_known && level.previous != 0;
    level.previous = number;
    level.previous_known = known;
    if (again) return;
    if (!known || field->is_repeated()) charge(kFirst);
    if (known && field->is_extension()) charge(kExtension);
  }

  void charge_number(const Field* field, std::uint64_t value) {
    if (field == nullptr) return charge(kUnknownField);
    const auto* values = field->enum_type();
    // A number that the enum does not have becomes an unknown field in proto2.
    if (values != nullptr && values->FindValueByNumber(static_cast<int>(value)) == nullptr) {
      return charge(kUnknownField + kFirst);
    }
    if (field->is_repeated()) charge(kGrowth * element_bytes(*field));
  }

  void walk_varint(const Level& level, const Field* field) {
    std::uint64_t value = 0;
    if (take_varint(level.end, kMostVarintBytes, value)) charge_number(field, value);
  }

  void walk_fixed(const Level& level, const Field* field, std::size_t size) {
    if (static_cast<std::size_t>(level.end - at_) < size) return fail(WalkResult::damaged);
    at_ += size;
    charge_number(field, 0);
  }

  void walk_length(const Level& level, const Field* field) {
    std::uint64_t size = 0;
    if (!take_varint(level.end, kMostLengthBytes, size)) return;
    if (size > static_cast<std::uint64_t>(level.end - at_)) return fail(WalkResult::damaged);
    const std::byte* end = at_ + size;
    if (field != nullptr && field->cpp_type() == Field::CPPTYPE_MESSAGE) {
      charge_object(*field, size);
      return enter(field->message_type(), end, 0);
    }
    if (field != nullptr && field->is_packable()) return walk_packed(*field, end);
    charge(kString + size + kAllocation);
    if (field == nullptr) charge(kUnknownField);
    if (field != nullptr && field->is_repeated()) charge(kPointer);
    at_ = end;
  }

  void walk_group(const Level& level, const Field* field, std::uint32_t number) {
    if (field != nullptr) {
      charge_object(*field, 0);
    } else {
      charge(kUnknownField + kAllocation);
    }
    enter(field == nullptr ? nullptr : field->message_type(), level.end, number);
  }

  void walk_packed(const Field& field, const std::byte* end) {
    const ByteView bytes(at_, end);
    const bool is_varint = wire_of(field) == varint;
    if (is_varint && field.enum_type() != nullptr) {
      std::uint64_t value = 0;
      while (result_ == WalkResult::fits && at_ != end) {
        if (take_varint(end, kMostVarintBytes, value)) charge_number(&field, value);
      }
      return;
    }
    if (!is_varint && bytes.size() % element_bytes(field) != 0) return fail(WalkResult::damaged);
    // Each number has one byte that ends it. A number that is broken is the runtime's to refuse.
    const auto ends = [](std::byte byte) { return static_cast<unsigned>(byte) < 0x80; };
    const std::uint64_t count = is_varint
                                    ? static_cast<std::uint64_t>(std::ranges::count_if(bytes, ends))
                                    : bytes.size() / element_bytes(field);
    charge(kGrowth * element_bytes(field) * count);
    at_ = end;
  }

  void charge_object(const Field& field, std::uint64_t size) {
    check_supported(field.message_type());
    if (!field.is_map()) {
      return charge(object_bytes(field.message_type()) + (field.is_repeated() ? kPointer : 0));
    }
    // An entry whose value is not one of the enum's is kept as bytes, a second time.
    charge(kMapEntry + size);
    const Field* value = field.message_type()->map_value();
    // There is a value also where the wire has none.
    if (value->cpp_type() == Field::CPPTYPE_MESSAGE) charge(object_bytes(value->message_type()));
  }

  // An empty object of the type. To ask for it takes a lock and a look at every field.
  std::uint64_t object_bytes(const Type* type) {
    ObjectSize& known = object_sizes_[reinterpret_cast<std::uintptr_t>(type) / alignof(Type) / 16 %
                                      object_sizes_.size()];
    if (known.type != type) {
      known = {type, factory_->GetPrototype(type)->SpaceUsedLong() + kAllocation};
    }
    return known.bytes;
  }

  google::protobuf::MessageFactory* factory_;
  const std::size_t most_depth_;
  const std::uint64_t most_memory_;
  const Type* const type_;
  std::uint64_t memory_ = 0;
  WalkResult result_ = WalkResult::fits;
  const std::byte* at_ = nullptr;
  std::size_t depth_ = 0;
  // Set up to depth_ alone: to fill all of it takes longer than to walk a small message.
  std::array<Level, kMostDepth + 1> levels_;
  std::array<ObjectSize, 16> object_sizes_{};
};

}  // namespace fifomq::typed
