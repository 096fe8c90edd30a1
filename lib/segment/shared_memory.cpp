#include <valpool/segment/shared_memory.hpp>

#include "segment/limits.hpp"
#include "segment/segment.hpp"

#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>

#include <atomic>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>

namespace valpool {

using namespace detail;
namespace ip = boost::interprocess;

namespace {

/// The start of the file, one page before the user's memory.
struct region_header {
    static constexpr char expected[16] = "valpool region1";

    char magic[16];
    std::uint64_t user_bytes;
    std::atomic<std::uint32_t> is_ready;
};
constexpr std::size_t header_bytes = 4096;
static_assert(sizeof(region_header) <= header_bytes);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free, "processes share it");

bool has_magic(const region_header& header) noexcept {
    return std::memcmp(header.magic, region_header::expected, sizeof header.magic) == 0;
}

/// The regions that this process has mapped, by the address that the user got.
class mapped_regions {
public:
    static mapped_regions& instance() {
        static mapped_regions all;
        return all;
    }

    char* add(ip::mapped_region region) {
        char* const memory = static_cast<char*>(region.get_address()) + header_bytes;
        const std::lock_guard<std::mutex> guard(mutex_);
        regions_[memory] = std::move(region);
        return memory;
    }
    bool remove(const void* memory) {
        const std::lock_guard<std::mutex> guard(mutex_);
        return regions_.erase(memory) == 1;
    }
    region_header& header_of(const void* memory) {
        const std::lock_guard<std::mutex> guard(mutex_);
        const auto found = regions_.find(memory);
        if (found == regions_.end())
            throw std::logic_error("this memory was not returned by SHMCreate or SHMAttach");
        return *static_cast<region_header*>(found->second.get_address());
    }

private:
    std::mutex mutex_;
    std::map<const void*, ip::mapped_region> regions_;
};

/// Accepts only complete regions: reading a file that is too short would raise SIGBUS.
bool is_region(const ip::shared_memory_object& object) {
    ip::offset_t size = 0;
    if (!object.get_size(size) || static_cast<std::size_t>(size) <= header_bytes) return false;
    const ip::mapped_region look(object, ip::read_only, 0, header_bytes);
    const auto& header = *static_cast<const region_header*>(look.get_address());
    return has_magic(header) && header.user_bytes + header_bytes == static_cast<std::size_t>(size);
}

void remove_earlier(const std::string& name) {
    try {
        const ip::shared_memory_object earlier(ip::open_only, name.c_str(), ip::read_only);
        if (!is_region(earlier))
            throw std::runtime_error("the object of that name was not made by SHMCreate");
    } catch (const ip::interprocess_exception& e) {
        if (e.get_error_code() == ip::not_found_error) return;
        throw;
    }
    ip::shared_memory_object::remove(name.c_str());
}

void* before(void* address) noexcept {
    return address ? static_cast<char*>(address) - header_bytes : nullptr;
}

/// Returns null instead of throwing, as the original's users expect.
template <class Action>
char* null_if_failed(const char* function, const std::string& path, bool debug, Action action) {
    try {
        return action(checked_pool_name(path));
    } catch (const std::exception& e) {
        if (debug) std::cerr << function << "(\"" << path << "\"): " << e.what() << '\n';
        return nullptr;
    }
}

}  // namespace

char* SHMCreate(const std::string& path, std::size_t bytes, bool debug, void* addr) {
    return null_if_failed("SHMCreate", path, debug, [&](const std::string& name) {
        if (bytes == 0) throw std::logic_error("a region needs more than zero bytes");
        check_limits("the region", bytes);
        remove_earlier(name);
        ip::shared_memory_object object(ip::create_only, name.c_str(), ip::read_write,
                                        ip::permissions(0600));
        try {
            object.truncate(static_cast<ip::offset_t>(bytes + header_bytes));
            ip::mapped_region region(object, ip::read_write, 0, 0, before(addr));
            auto* const header = new (region.get_address()) region_header;
            header->user_bytes = bytes;
            header->is_ready.store(0, std::memory_order_relaxed);
            std::memcpy(header->magic, region_header::expected, sizeof header->magic);
            return mapped_regions::instance().add(std::move(region));
        } catch (...) {
            ip::shared_memory_object::remove(name.c_str());
            throw;
        }
    });
}

char* SHMAttach(const std::string& path, void* addr, std::size_t& bytes, bool debug) {
    return null_if_failed("SHMAttach", path, debug, [&](const std::string& name) {
        const ip::shared_memory_object object(ip::open_only, name.c_str(), ip::read_write);
        if (!is_region(object))
            throw std::runtime_error("the object of that name was not made by SHMCreate");
        ip::mapped_region region(object, ip::read_write, 0, 0, before(addr));
        bytes = region.get_size() - header_bytes;
        return mapped_regions::instance().add(std::move(region));
    });
}

bool SHMDetach(void* mem, std::size_t) { return mapped_regions::instance().remove(mem); }

bool SHMUnlink(const std::string& path) {
    return null_if_failed("SHMUnlink", path, false, [](const std::string& name) {
               static char removed;
               const ip::shared_memory_object object(ip::open_only, name.c_str(), ip::read_only);
               const bool done =
                   is_region(object) && ip::shared_memory_object::remove(name.c_str());
               return done ? &removed : nullptr;
           }) != nullptr;
}

void SHMInitialize(void* mem, std::size_t) {
    // Release, pairs with the acquire in SHMInitialized: a process that sees the flag sees
    // everything that the creator wrote before.
    mapped_regions::instance().header_of(mem).is_ready.store(1, std::memory_order_release);
}

bool SHMInitialized(const void* mem, std::size_t) {
    return mapped_regions::instance().header_of(mem).is_ready.load(std::memory_order_acquire) == 1;
}

}  // namespace valpool
