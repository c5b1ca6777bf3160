// Marks what the shared libraries show: their public names, and no others.
#pragma once

// For a function or class that is shown.
#define FIFOMQ_EXPORT __attribute__((visibility("default")))
// For the private members of a class that is shown.
#define FIFOMQ_NO_EXPORT __attribute__((visibility("hidden")))
