#include "boot/pool_access.hpp"

#include "base/kill_point.hpp"
#include "base/system_error.hpp"
#include "process/process_table.hpp"
#include "process/retirement.hpp"
#include "queue/directory.hpp"
#include "recovery/recovery.hpp"
#include "segment/limits.hpp"

#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace valpool::detail {
namespace {

constexpr char boot_name[] = "boot";

/// A segment with the two objects in it.
struct pool_segment {
    mapped_segment segment;
    Bootstrap_t* boot = nullptr;
    arena* pool = nullptr;
};

std::string hex(std::uint64_t address) {
    char text[17] = {};
    std::to_chars(text, text + 16, address, 16);
    return std::string("0x") + text;
}

[[noreturn]] void throw_address_taken(const std::string& name, const void* address) {
    throw std::runtime_error(subject_of(name) + " cannot be mapped at the forced address " +
                             hex(reinterpret_cast<std::uintptr_t>(address)) +
                             ": this process has something else there");
}

/// Finds the two objects without Boost's lock, which a process may hold that has died. The objects
/// never move after the pool has been published.
pool_segment find_objects(mapped_segment segment) {
    pool_segment found;
    found.boot = segment.manager->find_no_lock<Bootstrap_t>(boot_name).first;
    if (!found.boot) throw std::runtime_error("a memory pool's segment has lost its boot object");
    found.pool = reinterpret_cast<arena*>(reinterpret_cast<char*>(found.boot) -
                                          found.boot->boot_offset + found.boot->arena_offset);
    found.segment = std::move(segment);
    return found;
}

pool_segment map_at(const pool_file& file, const std::string& name, void* pinned, void* forced) {
    mapped_segment segment = open_segment(file, name, subject_of(name), pinned);
    if (!segment && forced) throw_address_taken(name, forced);
    if (!segment) segment = open_segment(file, name, subject_of(name), nullptr);
    return find_objects(std::move(segment));
}

pool_access access_of(pool_segment found, pool_file file, const std::string& name) {
    register_pipes();
    pool_access access;
    access.boot = found.boot;
    // Every process that uses the pool maps it, so with a large pool all their core dumps would be
    // large.
    dump_with_core(found.segment.start(), found.segment.size_bytes, false);
    // Owns the segment, but points to its boot object.
    std::shared_ptr<void> mapping(found.segment.owner, found.boot);
    access.user =
        attach(*found.pool, std::move(file), std::move(mapping), name, recovery_of_pools());
    return access;
}

pool_access access_of(attachment_user user) {
    pool_access access;
    if (user) access.boot = static_cast<Bootstrap_t*>(user->mapping.get());
    access.user = std::move(user);
    return access;
}

void check_forced(const std::string& name, const Bootstrap_t& boot, void* forced) {
    const auto wanted = reinterpret_cast<std::uintptr_t>(forced);
    if (forced && wanted != boot.pinned_address)
        throw std::runtime_error(subject_of(name) + " is pinned at " + hex(boot.pinned_address) +
                                 ", not at the forced address " + hex(wanted));
}

mapped_segment reserve_segment(const pool_request& request, const std::string& temporary,
                               std::size_t size_bytes) {
    segment_request wanted{temporary, subject_of(request.name), size_bytes, request.forced_addr,
                           request.mode};
    if (request.forced_addr) {
        mapped_segment segment = create_segment(wanted);
        if (!segment) throw_address_taken(request.name, request.forced_addr);
        return segment;
    }
    constexpr unsigned attempts = 8;
    for (unsigned attempt = 0; attempt < attempts; ++attempt) {
        wanted.address = default_address(request.name, attempt);
        if (mapped_segment segment = create_segment(wanted)) return segment;
    }
    wanted.address = nullptr;
    return create_segment(wanted);
}

pool_segment build_segment(const pool_request& request, const std::string& temporary) {
    const arena_shape shape = shape_for_pool(request.pool_bytes);
    // Room for Boost's own header and index, and for the arena's alignment.
    constexpr std::size_t around = 32768;
    const std::size_t size_bytes = arena_bytes(shape) + around;
    pool_segment made;
    made.segment = reserve_segment(request, temporary, size_bytes);
    VALPOOL_KILL_POINT("create.segment");
    auto& manager = *made.segment.manager;
    made.boot = manager.construct<Bootstrap_t>(boot_name)();
    void* const memory = manager.allocate_aligned(arena_bytes(shape), 4096);
    made.pool = &format_arena(memory, shape, 16, true);
    if (!register_for_barriers()) made.pool->entrance.full_fences.store(1);
#ifdef VALPOOL_TSAN
    made.pool->entrance.full_fences.store(1);  // the sanitizer does not see membarrier
#endif
    write_boot(*made.boot, *made.pool, made.segment.start(), size_bytes, request.pool_bytes);
    VALPOOL_KILL_POINT("create.filled");
    return made;
}

/// A further user of an existing attachment of this process. It opens nothing, because that might
/// not be possible any more.
pool_access attached_already(attachment_user user, const std::string& name, void* forced_addr) {
    if (!user || is_retired(*user->pool)) return {};
    pool_access access = access_of(std::move(user));
    check_forced(name, *access.boot, forced_addr);
    return access;
}

}  // namespace

bool is_named(const pool_file& file, const std::string& name) noexcept {
    return file.identity().is_at(segment_path(name).c_str());
}

bool has_gone(const pool_access& access, const std::string& name) noexcept {
    if (is_retired(access.pool())) return true;
    if (is_named(access.user->file, name)) return false;
    struct stat status {};
    return stat(segment_path(name).c_str(), &status) == 0 || !has_living_main(*access.user.get());
}

bool is_in_use(const pool_file& file, const arena& a) noexcept {
    if (file.is_locked_by_another(main_role)) return true;
    for (std::uint32_t i = 0; i < a.lane_count; ++i)
        if (a.slot(i).state.load(std::memory_order_acquire) != process_slot::free &&
            file.is_locked_by_another(slot_role(i)))
            return true;
    return false;
}

pool_access attach_by_name(const std::string& name, void* forced_addr) {
    const no_forks guard;
    const std::string path = path_of_segment(name);
    if (auto access = attached_already(find_attachment_at(path), name, forced_addr)) return access;
    pool_file file = pool_file::open(path);
    if (!file.is_open()) {
        if (file.error_number() == ENOENT)
            return attached_already(find_nameless_attachment(name), name, forced_addr);
        throw_pool_error("open", subject_of(name), file.error_number());
    }
    const pool_view view(file, name);
    const arena& a = view.pool();
    if (is_retired(a) || (a.kept.load() == 0 && !is_in_use(file, a))) return {};
    return attach_verified(std::move(file), view.boot(), name, forced_addr);
}

pool_access attach_verified(pool_file file, const Bootstrap_t& verified, const std::string& name,
                            void* forced_addr) {
    check_forced(name, verified, forced_addr);
    // Without the guard, two threads could both map the pool, and each would take the other's
    // mapping for that of another copy of the library.
    const no_forks guard;
    if (attachment_user user = find_attachment(file.identity())) return access_of(std::move(user));
    if (is_mapped_here(file.identity()))
        throw std::runtime_error(
            subject_of(name) +
            " is attached to this process already, by another copy of this library (a program and "
            "its plug-in that each link the static one): have both use the shared library");
    pool_segment found;
    try {
        found = map_at(file, name, reinterpret_cast<void*>(verified.pinned_address), forced_addr);
    } catch (const std::runtime_error&) {
        if (is_named(file, name)) throw;
        return {};  // the pool was removed meanwhile
    }
    // The name may have got a new file between the verification and the mapping.
    if (found.boot->nonce != verified.nonce) return {};
    return access_of(std::move(found), std::move(file), name);
}

void* default_address(const std::string& name, unsigned attempt) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    constexpr std::uint64_t first = 0x700000000000;
    constexpr std::uint64_t stride = std::uint64_t{1} << 36;  // 64 GiB apart
    constexpr std::uint64_t places = 128;
    return reinterpret_cast<void*>(first + (hash + attempt) % places * stride);
}

pool_access create_pool(const pool_request& request) {
    const std::string subject = subject_of(request.name);
    const temporary_file temporary(subject);
    VALPOOL_KILL_POINT("create.named");
    pool_segment made = build_segment(request, temporary.name());
    const no_forks guard;
    pool_file file = pool_file::open(path_of_segment(temporary.name()));
    if (!file.is_open()) throw_pool_error("open", subject, file.error_number());
    if (!file.lock_or_throw(main_role, subject))
        throw std::runtime_error(
            subject + ": another process has locked the file in which the pool is being made");
    VALPOOL_KILL_POINT("create.locked");
    pool_access access = access_of(std::move(made), std::move(file), request.name);
    access.pool().main_slot.store(access.user->slot + 1);
    VALPOOL_KILL_POINT("create.attached");
    const int error = access.user->file.link_to(path_of_segment(request.name));
    if (error == EEXIST) return {};
    if (error != 0) throw_pool_error("link", subject, error);
    VALPOOL_KILL_POINT("create.published");
    return access;
}

}  // namespace valpool::detail
