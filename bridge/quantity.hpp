// Numbers as people read them at a glance: three digits and a unit.
#pragma once

#include <chrono>
#include <string>

namespace fifomq {

std::string in_digits(double number);                     // "17", "2.5", "1.23k", "12.3M"
std::string in_bytes(double bytes);                       // "17B", "1.23KiB"
std::string in_time(std::chrono::duration<double> time);  // "1.23ms", "12.3s"
std::string on_a_clock(std::chrono::seconds time);        // "0:07", "12:34", "1:02:03"

}  // namespace fifomq
