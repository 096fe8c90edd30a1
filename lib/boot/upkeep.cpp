#include <valpool/boot/upkeep.hpp>

#include <valpool/alloc/streaming_pool.hpp>

#include "alloc/slab.hpp"
#include "base/system_error.hpp"
#include "boot/pool_access.hpp"
#include "process/process_table.hpp"
#include "process/reclaim.hpp"
#include "process/slot.hpp"
#include "queue/directory.hpp"
#include "segment/limits.hpp"

#include <cerrno>
#include <optional>
#include <stdexcept>
#include <utility>

#include <unistd.h>

namespace valpool {

using namespace detail;

namespace {

std::string pids_of_users(const pool_file& file, const arena& a) {
    std::string pids;
    for (std::uint32_t i = 0; i < a.lane_count; ++i)
        if (a.slot(i).state.load() == process_slot::attached &&
            file.is_locked_by_another(slot_role(i)))
            pids += (pids.empty() ? "" : ", ") + std::to_string(a.slot(i).pid.load());
    return pids;
}

[[noreturn]] void throw_in_use(const std::string& name, const std::string& pids) {
    throw std::runtime_error(subject_of(name) + " is in use" +
                             (pids.empty() ? "" : " by the living processes " + pids) +
                             ": end them first");
}

/// Throws unless the file is a pool that nobody uses.
void check_is_removable(const pool_file& file, const std::string& name, IfDamaged how) {
    std::optional<pool_view> view;
    try {
        view.emplace(file, name);
    } catch (const other_layout&) {
        // Who uses it has locks in any version.
    } catch (const std::runtime_error&) {
        if (how == IfDamaged::refuse || !has_boot_object(file.fd())) throw;
    }
    if (!file.is_used_by_another()) return;
    throw_in_use(name, view ? pids_of_users(file, view->pool()) : "");
}

pool_access attach_or_throw(const std::string& pool) {
    const std::string name = checked_pool_name(pool);
    pool_access access = attach_by_name(name, nullptr);
    if (access) return access;
    throw std::runtime_error(
        "there is no memory pool " + quoted(name) +
        ", or it is left over: no living process uses it, and it was not kept");
}

std::size_t biggest_free(const arena& a) {
    return static_cast<const StreamingPool&>(a).biggestFree();
}

}  // namespace

bool remove_pool(const std::string& pool, IfDamaged how) {
    const std::string name = checked_pool_name(pool);
    const std::string path = path_of_segment(name);
    const no_forks guard;
    pool_file file = pool_file::open(path);
    if (!file.is_open()) {
        if (file.error_number() == ENOENT) return false;
        throw_pool_error("open", subject_of(name), file.error_number());
    }
    // As a SHMMain does that removes what an earlier run has left: only one process at a time, and
    // only the file that still has the name.
    if (!file.lock_or_throw(takeover_role, subject_of(name)) || !is_named(file, name))
        throw std::runtime_error(subject_of(name) +
                                 ": another process is taking it up or removing it just now");
    check_is_removable(file, name, how);
    if (unlink(path.c_str()) != 0 && errno != ENOENT)
        throw_system_error("unlink", subject_of(name), errno);
    return true;
}

boost::container::vector<std::string> abandoned_files() {
    boost::container::vector<std::string> paths;
    for (std::string& path : temporary_file::abandoned()) paths.push_back(std::move(path));
    for (std::string& path : dead_links()) paths.push_back(std::move(path));
    return paths;
}

void remove_abandoned_files() noexcept {
    temporary_file::sweep();
    remove_dead_links();
}

bool remove_pipe(const std::string& pool, const std::string& pipe) {
    check_pipe_name(pipe);
    const pool_access access = attach_or_throw(pool);
    return detail::remove_pipe(*access.user.get(), pipe);
}

namespace {

/// What a pool says of itself before this process attaches, which may repair it already.
struct state_before {
    std::size_t used_bytes = 0;
    std::uint64_t recoveries = 0;
};

state_before look_first(const std::string& pool) {
    const std::string name = checked_pool_name(pool);
    const no_forks guard;
    const pool_file file = pool_file::open_to_read(path_of_segment(name));
    if (!file.is_open()) return {};  // the attaching says why
    const pool_view view(file, name);
    return {used_space(view.pool()), view.pool().entrance.recoveries.load()};
}

}  // namespace

repair_result repair_pool(const std::string& pool) {
    const state_before before = look_first(pool);
    const pool_access access = attach_or_throw(pool);
    arena& a = access.pool();
    repair_result result;
    result.used_before = before.used_bytes;
    recover_patiently(*access.user.get());
    result.has_repaired = a.entrance.recoveries.load() != before.recoveries;
    relieve(lane_of_thread(a));
    result.used_after = used_space(a);
    result.biggest_free_bytes = biggest_free(a);
    result.delaying_pid = pid_of_slot(a, a.entrance.foiled_by.load());
    return result;
}

}  // namespace valpool
