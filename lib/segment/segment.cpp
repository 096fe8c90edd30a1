#include "segment/segment.hpp"

#include "base/cancellation.hpp"
#include "base/kill_point.hpp"
#include "base/system_error.hpp"
#include "base/system_file.hpp"
#include "segment/limits.hpp"

#include <boost/interprocess/managed_mapped_file.hpp>

#include <atomic>
#include <cerrno>
#include <cinttypes>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>
#include <stdexcept>

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace valpool::detail {
namespace {

namespace bip = boost::interprocess;

[[noreturn]] void translate(const bip::interprocess_exception& e, const std::string& subject) {
    throw_pool_error("creating or mapping its memory", subject, e.get_native_error());
}

/// Whether Boost could only map the memory at another address than the requested one. That is no
/// system error.
bool is_address_taken(const bip::interprocess_exception& e) noexcept {
    return e.get_error_code() == bip::busy_error && e.get_native_error() == 0;
}

template <class Segment>
mapped_segment owned(Segment segment) {
    auto owner = std::make_shared<Segment>(std::move(segment));
    mapped_segment mapped;
    mapped.manager = owner->get_segment_manager();
    mapped.size_bytes = owner->get_size();
    mapped.owner = std::move(owner);
    return mapped;
}

// Differs from the prefix of earlier versions, which mistook each other's files for those of dead
// creators.
constexpr char temporary_prefix[] = ".valpool-making.";

/// A random number that is a valid file offset.
std::uint64_t random_number() {
    std::random_device device;
    return (std::uint64_t{device()} << 32 | device()) >> 1;
}

struct flock lock_of_number(std::uint64_t number, short type) noexcept {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = static_cast<off_t>(number);
    lock.l_len = 1;
    return lock;
}

int open_directory() noexcept {
    const no_cancellation guard;
    return ::open(shared_memory_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

}  // namespace

bool is_temporary_name(const char* name) noexcept {
    return std::strncmp(name, temporary_prefix, sizeof temporary_prefix - 1) == 0;
}

char* mapped_segment::start() const noexcept {
    return reinterpret_cast<char*>(reinterpret_cast<std::uintptr_t>(manager) & ~4095UL);
}

temporary_file::temporary_file(const std::string& subject) : directory_(open_directory()) {
    if (directory_ < 0) throw_pool_error("open of its directory", subject, errno);
    const std::uint64_t number = random_number();
    struct flock lock = lock_of_number(number, F_RDLCK);
    if (fcntl(directory_, F_OFD_SETLK, &lock) != 0) {
        const int error = errno;
        ::close(directory_);
        throw_lock_error(subject, error);
    }
    char text[17];
    std::snprintf(text, sizeof text, "%016" PRIx64, number);
    name_ = temporary_prefix + std::string(text);
}

temporary_file::~temporary_file() {
    const no_cancellation guard;
    ::unlink(segment_path(name_).c_str());
    // Closing alone would not release the lock: a child may have inherited the description.
    struct flock lock = lock_of_number(0, F_UNLCK);
    lock.l_len = 0;
    fcntl(directory_, F_OFD_SETLK, &lock);
    ::close(directory_);
}

namespace {

/// Calls visit(directory, name) for each name in the directory.
template <class Visitor>
void for_each_name(Visitor visit) {
    const no_cancellation guard;
    const int fd = open_directory();
    DIR* const directory = fd < 0 ? nullptr : fdopendir(fd);
    if (!directory) {
        if (fd >= 0) ::close(fd);
        return;
    }
    while (const dirent* const entry = readdir(directory)) visit(fd, entry->d_name);
    closedir(directory);
}

/// Whether it is a temporary file whose creator has died.
bool is_abandoned(int directory, const char* name) noexcept {
    constexpr std::size_t prefix_bytes = sizeof temporary_prefix - 1;
    std::uint64_t number = 0;
    if (!is_temporary_name(name) || std::sscanf(name + prefix_bytes, "%16" SCNx64, &number) != 1)
        return false;
    struct flock lock = lock_of_number(number, F_WRLCK);
    return fcntl(directory, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

}  // namespace

std::vector<std::string> temporary_file::abandoned() {
    std::vector<std::string> paths;
    for_each_name([&](int directory, const char* name) {
        if (is_abandoned(directory, name)) paths.push_back(path_of_segment(name));
    });
    return paths;
}

void temporary_file::sweep() noexcept {
    for_each_name([](int directory, const char* name) {
        if (is_abandoned(directory, name)) unlinkat(directory, name, 0);
    });
}

namespace {

/// "/proc/4711/fd/5", and nothing else.
bool is_path_of_descriptor(const char* path) noexcept {
    int end = 0;
    return std::sscanf(path, "/proc/%*[0-9]/fd/%*[0-9]%n", &end) == 0 && end > 0 &&
           path[end] == '\0';
}

}  // namespace

bool is_dead_link(const char* name) noexcept {
    const segment_path path(name);
    struct stat status {};
    char target[64] = {};
    if (lstat(path.c_str(), &status) != 0 || !S_ISLNK(status.st_mode)) return false;
    return ::stat(path.c_str(), &status) != 0 && errno == ENOENT &&
           readlink(path.c_str(), target, sizeof target - 1) > 0 && is_path_of_descriptor(target);
}

namespace {

/// Others' processes may be hidden from this user: their links may be alive.
bool is_own_dead_link(const char* name) noexcept {
    struct stat status {};
    return lstat(segment_path(name).c_str(), &status) == 0 &&
           (geteuid() == 0 || status.st_uid == geteuid()) && is_dead_link(name);
}

}  // namespace

std::vector<std::string> dead_links() {
    std::vector<std::string> paths;
    for_each_name([&](int, const char* name) {
        if (is_own_dead_link(name)) paths.push_back(path_of_segment(name));
    });
    return paths;
}

void remove_dead_links() noexcept {
    for_each_name([](int directory, const char* name) {
        if (is_own_dead_link(name)) unlinkat(directory, name, 0);
    });
}

std::string path_of_segment(const std::string& name) {
    return std::string(shared_memory_directory) + "/" + name;
}

segment_path::segment_path(const std::string& name) noexcept {
    static_assert(sizeof text_ > sizeof shared_memory_directory + 1 + NAME_MAX);
    std::snprintf(text_, sizeof text_, "%s/%s", shared_memory_directory, name.c_str());
}

std::string checked_pool_name(const std::string& name) {
    std::string bare = !name.empty() && name.front() == '/' ? name.substr(1) : name;
    if (bare.empty()) throw std::logic_error("a memory pool needs a name");
    if (bare.find('/') != std::string::npos || bare.find('\0') != std::string::npos ||
        bare == "." || bare == "..")
        throw std::logic_error(
            "a memory pool cannot be named " + quoted(name) +
            ": the name must be a file name, with at most one slash, at the front");
    if (bare.size() > NAME_MAX)
        throw std::logic_error("a memory pool's name can have " + std::to_string(NAME_MAX) +
                               " bytes at most; this one has " + std::to_string(bare.size()));
    return bare;
}

namespace {
// Defined here because the system headers that valpool is built with may be older.
constexpr int advice_populate_write = 23;  // MADV_POPULATE_WRITE, Linux 5.14
constexpr int advice_collapse = 25;        // MADV_COLLAPSE, Linux 6.1

/// The whole pages within a piece of memory.
struct page_range {
    char* first;
    std::size_t size_bytes;
    std::size_t page_bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));

    page_range(void* memory, std::size_t bytes) noexcept {
        const auto start = reinterpret_cast<std::uintptr_t>(memory);
        const std::uintptr_t from = (start + page_bytes - 1) / page_bytes * page_bytes;
        const std::uintptr_t to = (start + bytes) / page_bytes * page_bytes;
        first = static_cast<char*>(memory) + (from - start);
        size_bytes = to > from ? to - from : 0;
    }
};
}  // namespace

void populate(void* memory, std::size_t size_bytes) noexcept {
    const page_range pages(memory, size_bytes);
    if (madvise(pages.first, pages.size_bytes, advice_populate_write) == 0) return;
    // On an older kernel: touch each page without changing what others may be writing there.
    for (std::size_t at = 0; at < pages.size_bytes; at += pages.page_bytes)
        reinterpret_cast<std::atomic<unsigned char>*>(pages.first + at)->fetch_or(0);
}

bool use_huge_pages(void* memory, std::size_t size_bytes) noexcept {
    const page_range pages(memory, size_bytes);
    // The first call is for pages that are mapped later, the second for those that are present
    // already.
    madvise(pages.first, pages.size_bytes, MADV_HUGEPAGE);
    return madvise(pages.first, pages.size_bytes, advice_collapse) == 0;
}

void dump_with_core(void* memory, std::size_t size_bytes, bool on) noexcept {
    const page_range pages(memory, size_bytes);
    madvise(pages.first, pages.size_bytes, on ? MADV_DODUMP : MADV_DONTDUMP);
}

bool is_mapped_here(const file_identity& file) {
    bool found = false;
    for_each_line("/proc/self/maps", [&](const char* line) {
        char mode[5] = {};
        unsigned major_number = 0;
        unsigned minor_number = 0;
        std::uint64_t inode = 0;
        if (std::sscanf(line, "%*s %4s %*s %x:%x %" SCNu64, mode, &major_number, &minor_number,
                        &inode) == 4)
            found = std::strncmp(mode, "rw", 2) == 0 && inode == file.inode &&
                    makedev(major_number, minor_number) == file.device;
        return !found;
    });
    return found;
}

mapped_segment create_segment(const segment_request& request) {
    check_limits(request.subject, request.size_bytes);
    bip::permissions permissions;
    permissions.set_permissions(request.mode);
    try {
        return owned(boost_segment(bip::create_only, request.name.c_str(), request.size_bytes,
                                   request.address, permissions));
    } catch (const bip::interprocess_exception& e) {
        // Boost leaves an incomplete file behind. Remove it, but not when the name was already
        // somebody else's.
        if (e.get_error_code() != bip::already_exists_error)
            ::unlink(segment_path(request.name).c_str());
        if (is_address_taken(e)) return {};
        translate(e, request.subject);
    }
}

namespace {
/// The path must not be a symbolic link: Boost would not follow it.
bool is_plain_name_of(const segment_path& path, const file_identity& file) noexcept {
    struct stat status {};
    return lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && file.is_at(path.c_str());
}
}  // namespace

mapped_segment open_segment(const pool_file& file, const std::string& name,
                            const std::string& subject, void* address) {
    try {
        if (is_plain_name_of(segment_path(name), file.identity()))
            return owned(boost_segment(bip::open_only, name.c_str(), address));
        const std::string by_number = "/proc/self/fd/" + std::to_string(file.fd());
        return owned(bip::managed_mapped_file(bip::open_only, by_number.c_str(), address));
    } catch (const bip::interprocess_exception& e) {
        if (is_address_taken(e)) return {};
        translate(e, subject);
    }
}

}  // namespace valpool::detail
