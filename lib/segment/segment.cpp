#include "segment/segment.hpp"

#include "base/cancellation.hpp"
#include "base/system_error.hpp"

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <stdexcept>

#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace valpool::detail {
namespace {

namespace bip = boost::interprocess;
constexpr char directory[] = "/dev/shm";

std::size_t free_directory_bytes() noexcept {
    struct statvfs s {};
    if (statvfs(directory, &s) != 0) return std::numeric_limits<std::size_t>::max();
    return static_cast<std::size_t>(s.f_bavail) * s.f_frsize;
}

/// A directory may promise more than the machine has; reserving that would end in the kernel
/// killing processes.
std::size_t available_memory_bytes() noexcept {
    const no_cancellation guard;
    std::FILE* const info = std::fopen("/proc/meminfo", "re");
    if (!info) return std::numeric_limits<std::size_t>::max();
    std::size_t available_kb = 0;
    std::size_t swap_kb = 0;
    char line[128];
    while (std::fgets(line, sizeof line, info)) {
        std::size_t kb = 0;
        if (std::sscanf(line, "MemAvailable: %zu", &kb) == 1) available_kb = kb;
        if (std::sscanf(line, "SwapFree: %zu", &kb) == 1) swap_kb = kb;
    }
    std::fclose(info);
    if (available_kb == 0) return std::numeric_limits<std::size_t>::max();
    return (available_kb + swap_kb) * 1024;
}

[[noreturn]] void throw_too_large(const std::string& subject, std::size_t asked, std::size_t free) {
    throw std::runtime_error(subject + ": " + std::to_string(asked) +
                             " bytes of shared memory are needed, " + std::to_string(free) +
                             " are free in " + directory);
}

[[noreturn]] void translate(const bip::interprocess_exception& e, const std::string& subject,
                            std::size_t asked) {
    const auto code = e.get_error_code();
    if (code == bip::out_of_space_error || code == bip::out_of_resource_error ||
        code == bip::size_error)
        throw_too_large(subject, asked, free_segment_bytes());
    throw_system_error("shared memory", subject, e.get_native_error());
}

}  // namespace

std::string path_of_segment(const std::string& name) { return std::string(directory) + "/" + name; }

std::string checked_pool_name(const std::string& name) {
    std::string bare = !name.empty() && name.front() == '/' ? name.substr(1) : name;
    if (bare.empty()) throw std::logic_error("a memory pool needs a name");
    if (bare.find('/') != std::string::npos || bare.find('\0') != std::string::npos ||
        bare == "." || bare == "..")
        throw std::logic_error("a memory pool cannot be named " + quoted(name) +
                               ": it is a file name, with at most one slash, in front");
    if (bare.size() > NAME_MAX)
        throw std::logic_error("a memory pool's name can have " + std::to_string(NAME_MAX) +
                               " bytes at most; this one has " + std::to_string(bare.size()));
    return bare;
}

namespace {
// Newer than the headers of the systems that valpool is built on.
constexpr int advice_populate_write = 23;  // MADV_POPULATE_WRITE, Linux 5.14
constexpr int advice_collapse = 25;        // MADV_COLLAPSE, Linux 6.1

/// The whole pages within.
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
    // An older kernel: touch each page, without changing what others may be writing there.
    for (std::size_t at = 0; at < pages.size_bytes; at += pages.page_bytes)
        reinterpret_cast<std::atomic<unsigned char>*>(pages.first + at)->fetch_or(0);
}

bool use_huge_pages(void* memory, std::size_t size_bytes) noexcept {
    const page_range pages(memory, size_bytes);
    // The first for what is still to come, the second for the pages that are there already.
    madvise(pages.first, pages.size_bytes, MADV_HUGEPAGE);
    return madvise(pages.first, pages.size_bytes, advice_collapse) == 0;
}

std::size_t free_segment_bytes() noexcept {
    return std::min(free_directory_bytes(), available_memory_bytes());
}

boost_segment create_segment(const segment_request& request, bool& is_address_taken) {
    const std::string subject = "memory pool " + quoted(request.name);
    if (request.size_bytes > free_segment_bytes())
        throw_too_large(subject, request.size_bytes, free_segment_bytes());
    bip::permissions permissions;
    permissions.set_permissions(request.mode);
    is_address_taken = false;
    try {
        return {bip::create_only, request.name.c_str(), request.size_bytes, request.address,
                permissions};
    } catch (const bip::interprocess_exception& e) {
        // Boost leaves a stump behind; not when the name was somebody else's.
        if (e.get_error_code() != bip::already_exists_error)
            ::unlink(path_of_segment(request.name).c_str());
        is_address_taken = e.get_error_code() == bip::busy_error;
        if (is_address_taken) return {};
        translate(e, subject, request.size_bytes);
    }
}

boost_segment open_segment(const std::string& name, void* address, bool& is_address_taken) {
    is_address_taken = false;
    try {
        return {bip::open_only, name.c_str(), address};
    } catch (const bip::interprocess_exception& e) {
        is_address_taken = e.get_error_code() == bip::busy_error;
        if (is_address_taken) return {};
        translate(e, "memory pool " + quoted(name), 0);
    }
}

}  // namespace valpool::detail
