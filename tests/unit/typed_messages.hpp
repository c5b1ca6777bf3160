// Messages in which every kind of field is set.
#pragma once

#include <string>

#include "typed_required.pb.h"
#include "typed_sample.pb.h"

namespace fifomq::test {

inline v1::Sample full_sample() {
  v1::Sample sample;
  sample.set_name("a name, longer than what a string holds in itself");
  sample.set_blob(std::string("\0\xFF\n", 3));
  sample.set_count(-1);
  sample.set_offset(-70'000);
  sample.set_level(0.5);
  sample.set_mark(0xC5FEF0F1);
  sample.set_flag(true);
  sample.set_colour(v1::COLOUR_BLUE);
  sample.mutable_child()->mutable_child()->set_name("grandchild");
  sample.add_children()->set_count(1);
  sample.add_children();
  sample.add_empties();
  sample.add_empties();
  for (const std::int64_t number : {0, 1, -1, 300}) sample.add_numbers(number);
  sample.add_levels(1.25);
  sample.add_flags(true);
  sample.add_flags(false);
  sample.add_colours(v1::COLOUR_RED);
  sample.add_colours(static_cast<v1::Colour>(99));
  sample.add_loose(5);
  sample.add_loose(6);
  sample.add_words("");
  sample.add_words("w\xC3\xB6rd");
  (*sample.mutable_by_name())["one"] = 1;
  (*sample.mutable_by_name())["two"] = 2;
  (*sample.mutable_by_number())[7].set_name("seven");
  (*sample.mutable_by_number())[8];
  sample.set_text("the chosen one");
  sample.set_maybe(0);
  return sample;
}

inline v1::Required full_required() {
  v1::Required message;
  message.set_name("outer");
  message.mutable_inner()->set_name("inner");
  message.add_shades(v1::Required::DARK);
  message.add_shades(v1::Required::LIGHT);
  message.add_part()->set_weight(3);
  auto* part = message.add_part();
  part->set_weight(-4);
  part->set_shade(v1::Required::LIGHT);
  (*message.mutable_by_number())[1] = v1::Required::DARK;
  message.add_list()->set_name("listed");
  message.add_marks(1);
  message.SetExtension(v1::note, "an extension");
  message.AddExtension(v1::scores, 5);
  message.AddExtension(v1::scores, 600);
  message.AddExtension(v1::others)->set_name("other");
  return message;
}

}  // namespace fifomq::test
