#pragma once

/// Looking after pools from outside of the programs that use them: removing what is left over, and
/// repairing. No function here waits for longer than a fraction of a second, unless it says so.

#include <valpool/base/detail/config.hpp>

#include <boost/container/vector.hpp>

#include <cstddef>
#include <string>

namespace valpool {

/// What remove_pool may remove besides a sound pool.
enum class IfDamaged { refuse, remove };

/// Removes a pool that no living process uses; a pool that was kept, or that another version of
/// this library has made, too. False when nothing has that name.
/// Throws std::runtime_error, with nothing changed, when a living process uses the pool (the
/// message has the pids), when the file is no pool, or a damaged one and `how` is refuse, and when
/// this user may not remove it; std::logic_error for a name that no pool can have.
VALPOOL_API bool remove_pool(const std::string& pool, IfDamaged how = IfDamaged::refuse);

/// Paths of files of which it is certain that nobody will ever use them: processes were making
/// pools there and were killed before these had a name; and links that stood in for the name of a
/// pool, see docs/caveats.md, and lead to processes that have ended.
VALPOOL_API boost::container::vector<std::string> abandoned_files();
/// Removes them. A SHMMain that creates a pool removes the files, too, and a link of its own name.
VALPOOL_API void remove_abandoned_files() noexcept;

/// As SHMMain::removePipe, for a process that has no other business with the pool: attaches to it
/// for this. Throws std::runtime_error when nobody uses the pool, or there is none of that name.
VALPOOL_API bool remove_pipe(const std::string& pool, const std::string& pipe);

struct VALPOOL_API repair_result {
    bool has_repaired = false;    // after deaths that nobody had noticed yet
    std::size_t used_before = 0;  // bytes
    std::size_t used_after = 0;
    std::size_t biggest_free_bytes = 0;
    /// A process that is stopped in the middle of an operation, so that nobody can repair the pool
    /// before it goes on; 0: none.
    int delaying_pid = 0;
};
/// Does now what the users of a pool do when they have to wait or find no room: looks for the dead
/// and takes back what they held, and returns to the pool what threads have set aside.
/// Throws as remove_pipe.
VALPOOL_API repair_result repair_pool(const std::string& pool);

}  // namespace valpool
