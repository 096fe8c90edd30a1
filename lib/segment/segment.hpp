#pragma once

#include <boost/interprocess/managed_shared_memory.hpp>

#include <cstddef>
#include <string>

namespace valpool::detail {

using boost_segment = boost::interprocess::managed_shared_memory;

/// Where the system keeps shared memory objects.
std::string path_of_segment(const std::string& name);

/// The name without its leading slash, if it has one. Throws std::logic_error when what is left is
/// empty, ".", "..", too long, or contains a slash or a zero byte.
std::string checked_pool_name(const std::string& name);

struct segment_request {
    std::string name;
    std::size_t size_bytes = 0;
    void* address = nullptr;  // null: wherever it fits
    unsigned mode = 0600;
};

/// Creates a segment with all its bytes reserved, so that no later write can fail for want of
/// memory. Throws std::runtime_error saying how much was asked and how much there is. Leaves
/// nothing behind when it throws. `is_address_taken` instead of a throw when only the address was
/// the obstacle.
boost_segment create_segment(const segment_request& request, bool& is_address_taken);

/// Maps an existing, verified segment. As above for the address.
boost_segment open_segment(const std::string& name, void* address, bool& is_address_taken);

/// Makes the pages of mapped memory present in this process, so that no first touch has to. They
/// keep what is in them.
void populate(void* memory, std::size_t size_bytes) noexcept;
/// Asks for huge pages under mapped memory. False when the system has none for it.
bool use_huge_pages(void* memory, std::size_t size_bytes) noexcept;

/// Bytes that a new segment could have now.
std::size_t free_segment_bytes() noexcept;

}  // namespace valpool::detail
