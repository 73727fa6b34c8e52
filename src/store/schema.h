// The tables of an event store, and how a file of an earlier version becomes one of this version.
#pragma once

#include "base/result.h"
#include "store/database.h"

namespace trunkline::store {

constexpr int kSchemaVersion = 2;

// Sets the connection up (write-ahead log, a sync with every commit) and creates or migrates the tables.
// STORE_UNAVAILABLE when the file is of a later version than this code knows.
Status PrepareSchema(Database& database);

}  // namespace trunkline::store
