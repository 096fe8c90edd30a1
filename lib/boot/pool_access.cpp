#include "boot/pool_access.hpp"

#include "base/kill_point.hpp"
#include "base/system_error.hpp"
#include "queue/directory.hpp"

#include <atomic>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace valpool::detail {
namespace {

constexpr char boot_name[] = "boot";
constexpr char temporary_prefix[] = ".valpool-new.";

std::string subject_of(const std::string& name) { return "memory pool " + quoted(name); }

std::string hex(std::uint64_t address) {
    char text[17] = {};
    std::to_chars(text, text + 16, address, 16);
    return std::string("0x") + text;
}

/// Looks the two objects up without a lock: who knows who died holding Boost's. They never move
/// after the pool has been published.
pool_segment find_objects(boost_segment segment) {
    pool_segment found;
    found.boot = segment.find_no_lock<Bootstrap_t>(boot_name).first;
    if (!found.boot) throw std::runtime_error("a memory pool's segment has lost its boot object");
    found.pool = reinterpret_cast<arena*>(reinterpret_cast<char*>(found.boot) -
                                          found.boot->boot_offset + found.boot->arena_offset);
    found.segment = std::move(segment);
    return found;
}

pool_segment map_at(const std::string& name, void* pinned, void* forced) {
    bool taken = false;
    boost_segment segment = open_segment(name, pinned, taken);
    if (taken && forced)
        throw std::runtime_error(subject_of(name) + " cannot be mapped at the forced address " +
                                 hex(reinterpret_cast<std::uintptr_t>(forced)) +
                                 ": something of this process is there");
    if (taken) segment = open_segment(name, nullptr, taken);
    return find_objects(std::move(segment));
}

pool_access access_of(pool_segment found, pool_file file, const std::string& name) {
    install_queue_hooks();
    pool_access access;
    access.boot = found.boot;
    arena& pool = *found.pool;
    auto mapping = std::make_shared<boost_segment>(std::move(found.segment));
    access.user = attach(pool, std::move(file), std::move(mapping), name);
    return access;
}

void check_forced(const std::string& name, const Bootstrap_t& boot, void* forced) {
    const auto wanted = reinterpret_cast<std::uintptr_t>(forced);
    if (forced && wanted != boot.pinned_address)
        throw std::runtime_error(subject_of(name) + " is pinned at " + hex(boot.pinned_address) +
                                 ", not at the forced address " + hex(wanted));
}

Bootstrap_t* boot_of(const attachment& at) {
    auto* const segment = static_cast<boost_segment*>(at.mapping.get());
    return segment->find_no_lock<Bootstrap_t>(boot_name).first;
}

std::string temporary_name() {
    static std::atomic<unsigned> counter{0};
    return temporary_prefix + std::to_string(getpid()) + "." + std::to_string(counter++);
}

/// Removes what creators that died before publishing have left. Theirs are the only temporary
/// files without a lock, apart from one that is just being born: its creator notices and repeats.
void sweep_temporaries() {
    DIR* const directory = opendir(path_of_segment("").c_str());
    if (!directory) return;
    while (const dirent* const entry = readdir(directory)) {
        const std::string name = entry->d_name;
        if (name.compare(0, sizeof temporary_prefix - 1, temporary_prefix) != 0) continue;
        pool_file file = pool_file::open(path_of_segment(name));
        if (file.is_open() && file.try_lock(main_role)) ::unlink(path_of_segment(name).c_str());
    }
    closedir(directory);
}

pool_segment build_segment(const pool_request& request, const std::string& temporary) {
    const arena_shape shape = shape_for_pool(request.pool_bytes);
    // Boost's own header and index, and the arena's alignment.
    constexpr std::size_t around = 32768;
    segment_request wanted{temporary, arena_bytes(shape) + around, request.forced_addr,
                           request.mode};
    constexpr unsigned attempts = 8;
    bool taken = false;
    boost_segment segment;
    for (unsigned attempt = 0; attempt <= attempts; ++attempt) {
        if (!request.forced_addr)
            wanted.address = attempt < attempts ? default_address(request.name, attempt) : nullptr;
        segment = create_segment(wanted, taken);
        if (!taken) break;
        if (request.forced_addr)
            throw std::runtime_error(subject_of(request.name) + " cannot be mapped at " +
                                     hex(reinterpret_cast<std::uintptr_t>(wanted.address)) +
                                     ": something of this process is there");
    }
    VALPOOL_KILL_POINT("create.segment");
    pool_segment made;
    made.boot = segment.construct<Bootstrap_t>(boot_name)();
    void* const memory = segment.allocate_aligned(arena_bytes(shape), 4096);
    made.pool = &format_arena(memory, shape, 16, true);
    if (!register_for_barriers()) made.pool->entrance.full_fences.store(1);
#ifdef VALPOOL_TSAN
    made.pool->entrance.full_fences.store(1);  // what membarrier orders, the sanitizer cannot see
#endif
    // Where the file starts in memory, a little before what Boost calls the segment's address.
    auto* const address = static_cast<char*>(segment.get_address());
    char* const file = reinterpret_cast<char*>(reinterpret_cast<std::uintptr_t>(address) & ~4095UL);
    write_boot(*made.boot, *made.pool, file, wanted.size_bytes, request.pool_bytes);
    made.segment = std::move(segment);
    VALPOOL_KILL_POINT("create.filled");
    return made;
}

/// Removes the temporary name whatever happens.
class temporary_file {
public:
    explicit temporary_file(const std::string& name) : path_(path_of_segment(name)) {}
    ~temporary_file() { ::unlink(path_.c_str()); }
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;
    const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

}  // namespace

bool is_named(const pool_file& file, const std::string& name) noexcept {
    return file.identity().is_at(path_of_segment(name));
}

bool is_in_use(const pool_file& file, const arena& a) noexcept {
    if (file.is_locked_by_another(main_role)) return true;
    for (std::uint32_t i = 0; i < a.lane_count; ++i)
        if (a.slot(i).state.load(std::memory_order_acquire) != process_slot::free &&
            file.is_locked_by_another(slot_role(i)))
            return true;
    return false;
}

namespace {
/// A further user of what this process has attached already: for that nothing need be opened, which
/// might not be possible any more.
pool_access attached_already(const std::string& name, void* forced_addr) {
    pool_access access;
    access.user = find_attachment_at(path_of_segment(name));
    if (!access) return access;
    access.boot = boot_of(*access.user.get());
    check_forced(name, *access.boot, forced_addr);
    return access;
}
}  // namespace

pool_access attach_by_name(const std::string& name, void* forced_addr) {
    if (pool_access access = attached_already(name, forced_addr)) return access;
    pool_file file = pool_file::open(path_of_segment(name));
    if (!file.is_open()) {
        if (file.error_number() == ENOENT) return {};
        throw_system_error("open", subject_of(name), file.error_number());
    }
    std::uint64_t nonce = 0;
    {
        const pool_view view(file, name);
        if (view.pool().kept.load() == 0 && !is_in_use(file, view.pool())) return {};
        check_forced(name, view.boot(), forced_addr);
        nonce = view.boot().nonce;
    }
    return attach_verified(std::move(file), nonce, name, forced_addr);
}

pool_access attach_verified(pool_file file, std::uint64_t nonce, const std::string& name,
                            void* forced_addr) {
    pool_access access;
    access.user = find_attachment(nonce);
    if (access.user) {
        access.boot = boot_of(*access.user.get());
        return access;
    }
    const std::uint64_t pinned = pool_view(file, name).boot().pinned_address;
    pool_segment found;
    try {
        found = map_at(name, reinterpret_cast<void*>(pinned), forced_addr);
    } catch (const std::runtime_error&) {
        if (is_named(file, name)) throw;
        return {};  // removed meanwhile
    }
    // The name may have got a new file between the look at it and the mapping.
    if (found.boot->nonce != nonce) return {};
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
    sweep_temporaries();
    for (;;) {
        const temporary_file temporary(temporary_name());
        const std::string name = temporary.path().substr(temporary.path().rfind('/') + 1);
        pool_segment made = build_segment(request, name);
        pool_file file = pool_file::open(temporary.path());
        if (!file.is_open() || !file.try_lock(main_role)) continue;
        VALPOOL_KILL_POINT("create.locked");
        pool_access access = access_of(std::move(made), std::move(file), request.name);
        access.pool().main_slot.store(access.user->slot + 1);
        VALPOOL_KILL_POINT("create.attached");
        if (link(temporary.path().c_str(), path_of_segment(request.name).c_str()) != 0) {
            const int error = errno;
            if (error == EEXIST) return {};
            if (error == ENOENT) continue;  // swept before it was locked
            throw_system_error("link", subject_of(request.name), error);
        }
        VALPOOL_KILL_POINT("create.published");
        return access;
    }
}

}  // namespace valpool::detail
