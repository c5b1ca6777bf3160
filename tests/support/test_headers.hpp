// What most tests include, precompiled where FIFOMQ_TEST_PRECOMPILE is set. A test includes what it
// needs all the same: clang-tidy and the fuzzers compile it without this.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <random>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

#include <fifomq/transport.hpp>
