#include "boot/boot_record.hpp"

#include "base/system_error.hpp"
#include "queue/directory.hpp"
#include "queue/taps.hpp"
#include "segment/limits.hpp"
#include "segment/segment.hpp"

#include <boost/crc.hpp>
#include <boost/version.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace valpool::detail {
namespace {

constexpr char boot_magic[16] = "valpool boot\n\x1a";
/// The boot object is the first object made in a segment; it lies behind Boost's own header.
constexpr std::size_t farthest_boot = 16384;

using crc64 = boost::crc_optimal<64, 0x42f0e1eba9ea3693, ~0ULL, ~0ULL, true, true>;

/// The checksum of everything constant: the file up to the arena (Boost's header, its index with
/// the name "boot", the boot object without the checksum itself), and the arena's own constants.
std::uint64_t checksum_of(const char* file, const Bootstrap_t& boot) {
    const std::size_t skipped = boot.boot_offset + offsetof(Bootstrap_t, checksum);
    const std::size_t behind = skipped + sizeof boot.checksum;
    crc64 crc;
    crc.process_bytes(file, skipped);
    crc.process_bytes(file + behind, boot.arena_offset - behind);
    crc.process_bytes(file + boot.arena_offset, offsetof(arena, entrance));
    return crc.checksum();
}

[[noreturn]] void reject(const std::string& name, const char* why) {
    throw std::runtime_error(quoted(name) +
                             " is not a memory pool that this program can use: " + why);
}

[[noreturn]] void reject_layout(const std::string& name, const char* whose, std::uint32_t its,
                                std::uint32_t ours) {
    throw other_layout(quoted(name) +
                       " is not a memory pool that this program can use: it was made " +
                       "with another " + whose + " (" + std::to_string(its) + ", here it is " +
                       std::to_string(ours) + "): end the processes that use it, then remove it (" +
                       path_of_segment(name) + ") or call beginAnew(true) on its SHMMain");
}

/// Fields that change while a pool is in use cannot have a checksum, but their bounds can be
/// checked.
const char* roles_defect(const arena& a) noexcept {
    for (std::uint32_t i = 0; i < a.lane_count; ++i) {
        if (a.slot(i).state.load() > process_slot::family) return "a process slot is damaged";
        if (a.lane_at(i).owner.load() > a.lane_count) return "a lane's owner is damaged";
    }
    if (a.entrance.closed.load() > 1 || a.entrance.full_fences.load() > 1)
        return "its gate is damaged";
    return a.main_slot.load() > a.lane_count ? "its SHMMain's slot is damaged" : nullptr;
}

/// Whether a list in the pages may lead to an object of that size at `offset`.
bool is_space(const arena& a, std::uint64_t offset, std::size_t size_bytes) noexcept {
    return a.in_pages(offset) && offset % block_granule == 0 && size_bytes <= a.size_bytes - offset;
}

const char* list_of_pipes_defect(const arena& a) noexcept {
    std::uint64_t left = a.page_count * std::uint64_t{64};
    for (std::uint64_t o = a.pipes.load(std::memory_order_acquire); o != 0;) {
        if (left-- == 0 || !is_space(a, o, sizeof(pipe))) return "its list of pipes is damaged";
        const pipe* const p = pipe_at(a, o);
        if (!p || std::memchr(p->name, 0, sizeof p->name) == nullptr) return "a pipe is damaged";
        o = p->next.load(std::memory_order_acquire);
    }
    return nullptr;
}

const char* list_of_taps_defect(const arena& a) noexcept {
    std::uint64_t left = a.page_count * std::uint64_t{64};
    for (std::uint64_t o = a.taps.load(std::memory_order_acquire); o != 0;) {
        if (left-- == 0 || !is_space(a, o, sizeof(tap))) return "its list of taps is damaged";
        const tap* const t = tap_at(a, o);
        if (!t || std::memchr(t->name, 0, sizeof t->name) == nullptr ||
            t->owner.load(std::memory_order_relaxed) > a.lane_count)
            return "a tap is damaged";
        const std::uint64_t at_pipe = t->at_pipe.load(std::memory_order_relaxed);
        if (at_pipe > tap::ended && !is_space(a, at_pipe, sizeof(pipe))) return "a tap is damaged";
        o = t->next.load(std::memory_order_acquire);
    }
    return nullptr;
}

/// Pipes and taps may be removed during the look; then its result means nothing. If that happens at
/// each of many looks, other processes are using the pipes, and these have verified the pool.
const char* pipes_defect(const arena& a) noexcept {
    constexpr int looks = 100;
    for (int i = 0; i < looks; ++i) {
        const std::uint32_t removals = a.pipe_removals.load(std::memory_order_acquire);
        const char* defect = list_of_pipes_defect(a);
        if (!defect) defect = list_of_taps_defect(a);
        if (!defect || a.pipe_removals.load(std::memory_order_acquire) == removals) return defect;
    }
    return nullptr;
}

bool leads_astray(const arena& a, const ledger_state& ledger) noexcept {
    std::uint64_t left = a.page_count * std::uint64_t{64};
    for (std::uint64_t o = ledger.newest; o != 0; o = a.at<ledger_block>(o)->next)
        if (left-- == 0 || !is_space(a, o, sizeof(ledger_block))) return true;
    return false;
}

/// The ledger's process may detach during the look; then its result means nothing. A ledger that
/// changes at each of many looks is in use, and its own process will look at it.
bool has_sound_ledger(const arena& a, const process_slot& slot) noexcept {
    constexpr int looks = 100;
    for (int i = 0; i < looks; ++i) {
        const ledger_state ledger(slot);
        if (!leads_astray(a, ledger)) return true;
        if (!ledger.has_changed(slot)) return false;
    }
    return true;
}

const char* ledgers_defect(const arena& a) noexcept {
    for (std::uint32_t s = 0; s < a.lane_count; ++s)
        if (!has_sound_ledger(a, a.slot(s))) return "a process's ledger is damaged";
    return nullptr;
}

}  // namespace

void write_boot(Bootstrap_t& boot, const arena& a, const void* file, std::size_t file_bytes,
                std::size_t pool_bytes) {
    const auto* const start = static_cast<const char*>(file);
    const auto offset = [start](const void* p) {
        return static_cast<std::uint64_t>(static_cast<const char*>(p) - start);
    };
    std::memcpy(boot.magic, boot_magic, sizeof boot.magic);
    boot.layout_version = layout_version;
    boot.boost_version = BOOST_VERSION;
    boot.file_bytes = file_bytes;
    boot.boot_offset = offset(&boot);
    boot.arena_offset = offset(&a);
    boot.arena_bytes = a.size_bytes;
    boot.pool_bytes = pool_bytes;
    boot.pinned_address = reinterpret_cast<std::uintptr_t>(file);
    boot.nonce = a.nonce;
    boot.checksum = checksum_of(start, boot);
    if (boot.boot_offset > farthest_boot)
        throw std::logic_error("Boost's segment manager has put the boot object out of reach");
}

bool has_boot_object(int fd) {
    std::string beginning(farthest_boot + sizeof boot_magic, '\0');
    const ssize_t count = pread(fd, beginning.data(), beginning.size(), 0);
    if (count <= 0) return false;
    const std::string_view magic(boot_magic, sizeof boot_magic);
    return std::string_view(beginning).substr(0, static_cast<std::size_t>(count)).find(magic) !=
           std::string_view::npos;
}

pool_view::pool_view(const pool_file& file, const std::string& name) {
    struct stat status {};
    if (fstat(file.fd(), &status) != 0) throw_pool_error("fstat", subject_of(name), errno);
    if (!S_ISREG(status.st_mode)) reject(name, "it is not a regular file");
    size_bytes_ = static_cast<std::size_t>(status.st_size);
    if (size_bytes_ < farthest_boot + sizeof(arena)) reject(name, "it is too short");
    void* const mapped = mmap(nullptr, size_bytes_, PROT_READ, MAP_SHARED, file.fd(), 0);
    if (mapped == MAP_FAILED) throw_pool_error("mmap", subject_of(name), errno);
    start_ = static_cast<const char*>(mapped);
    try {
        find_boot(name);
        check(name);
    } catch (...) {
        munmap(const_cast<char*>(start_), size_bytes_);
        throw;
    }
}

pool_view::~pool_view() { munmap(const_cast<char*>(start_), size_bytes_); }

void pool_view::find_boot(const std::string& name) {
    for (std::size_t at = 0; at <= farthest_boot && !boot_; at += alignof(Bootstrap_t))
        if (std::memcmp(start_ + at, boot_magic, sizeof boot_magic) == 0)
            boot_ = reinterpret_cast<const Bootstrap_t*>(start_ + at);
    if (!boot_) reject(name, "it has no boot object");
}

void pool_view::check(const std::string& name) const {
    const Bootstrap_t& b = *boot_;
    if (b.layout_version != layout_version)
        reject_layout(name, "layout version", b.layout_version, layout_version);
    if (b.boost_version != BOOST_VERSION)
        reject_layout(name, "version of Boost", b.boost_version, BOOST_VERSION);
    if (b.file_bytes != size_bytes_)
        reject(name, "its size differs from the size that it was made with");
    if (b.boot_offset != static_cast<std::uint64_t>(reinterpret_cast<const char*>(boot_) - start_))
        reject(name, "its boot object is not at the offset that it names");
    if (b.arena_offset > size_bytes_ || b.arena_offset % 4096 != 0 ||
        size_bytes_ - b.arena_offset < sizeof(arena) ||
        b.arena_offset < b.boot_offset + sizeof(Bootstrap_t))
        reject(name, "its arena lies outside of it");
    if (b.checksum != checksum_of(start_, b)) reject(name, "its checksum is wrong");
    const arena& a = pool();
    if (const char* const why = arena_defect(a, size_bytes_ - b.arena_offset)) reject(name, why);
    if (a.nonce != b.nonce) reject(name, "boot object and arena do not belong together");
    if (const char* const why = roles_defect(a)) reject(name, why);
    if (const char* const why = pipes_defect(a)) reject(name, why);
    if (const char* const why = ledgers_defect(a)) reject(name, why);
}

}  // namespace valpool::detail
