// Failed system calls on files of the data directory, as errors that say what a person can do.
#pragma once

#include <string>
#include <string_view>

#include "base/errors.h"

namespace trunkline {

// For an errno; empty where only the table's hint helps.
std::string_view DiskHint(int reason);

// STORE_UNAVAILABLE: "`what`: the system's reason".
Error DiskError(const std::string& what, int reason);

}  // namespace trunkline
