#include "store/opening.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/disk_error.h"
#include "store/estate.h"
#include "store/events_table.h"
#include "store/schema.h"

namespace trunkline::store {
namespace {

Status PrepareDirectory(const StoreOptions& options) {
  std::error_code error;
  if (options.role == Role::kOnlooker) {
    if (std::filesystem::exists(options.database_path(), error)) return Ok();
    return Error{.code = ErrorCode::kStoreUnavailable,
                 .message = "there is no event store at " + options.database_path(),
                 .hint = "Name the data directory of the server."};
  }
  const bool made = std::filesystem::create_directories(options.directory, error);
  if (error) return DiskError("the data directory " + options.directory + " cannot be made", error.value());
  // It holds what customers said: nobody else's business.
  if (made) std::filesystem::permissions(options.directory, std::filesystem::perms::owner_all, error);
  return Ok();
}

Status JoinMemory(Database& database, const Membership& joined, IdMemory& ids, std::int64_t oldest_ms) {
  const auto knows_nothing = ids.Join(joined.number(), joined.alone());
  if (!knows_nothing.ok()) return knows_nothing.error();
  if (!*knows_nothing) return Ok();
  Status restored = ReadIds(database, oldest_ms, [&ids](const RememberedId& id) { ids.Restore(id); });
  if (restored.ok()) ids.Restored();
  return restored;
}

Result<std::vector<StoredEvent>> TakeWhatIsLeft(Database& database, Membership& joined, Role role,
                                                IdMemory* ids) {
  std::vector<int> gone;
  if (role == Role::kServer) gone = joined.TakeDead();
  if (joined.left_work()) gone.push_back(joined.number());
  // Whoever is alone need not believe the file of members: what is unfinished is nobody else's.
  const bool all = role == Role::kServer && joined.alone();
  if (gone.empty() && !all) return std::vector<StoredEvent>();

  const auto is_gone = [&gone, all](int number) {
    return all || std::ranges::find(gone, number) != gone.end();
  };
  auto estate = ReadEstate(database, is_gone, joined.number());
  if (!estate) return estate.error();
  if (ids != nullptr) {
    for (const int number : gone) ids->TakeOver(number, estate->ids);
  }
  Status inherited = database.Transact([&] { return Inherit(database, *estate, gone, joined.number()); });
  if (!inherited.ok()) return inherited.error();
  for (const int number : gone) {
    if (number != joined.number()) joined.Release(number);
  }
  return std::move(estate->unfinished);
}

}  // namespace

Result<Opened> OpenStore(const StoreOptions& options, const Clock& clock, IdMemory* ids,
                         const std::function<bool()>& give_up) {
  if (Status prepared = PrepareDirectory(options); !prepared.ok()) return prepared.error();
  std::optional<Membership> joined;
  if (options.role != Role::kOnlooker) {
    const auto kind = options.role == Role::kServer ? MemberKind::kServer : MemberKind::kConsumer;
    auto taken = Membership::Join(options.members_path(), kind, give_up);
    if (!taken) return taken.error();
    joined = std::move(*taken);
  }
  auto database = Database::Open(options.database_path(), Database::Mode::kReadWrite);
  if (!database) return database.error();
  if (Status prepared = PrepareSchema(*database); !prepared.ok()) return prepared.error();
  Opened opened{.membership = std::move(joined), .database = std::move(*database), .unfinished = {}};
  if (!opened.membership) return opened;

  if (ids != nullptr) {
    const std::int64_t oldest_ms = clock.WallMs() - options.retention.done_ms;
    if (Status known = JoinMemory(opened.database, *opened.membership, *ids, oldest_ms); !known.ok())
      return known.error();
  }
  auto left = TakeWhatIsLeft(opened.database, *opened.membership, options.role, ids);
  if (!left) return left.error();
  opened.unfinished = std::move(*left);
  opened.membership->OpenDoor();
  return opened;
}

}  // namespace trunkline::store
