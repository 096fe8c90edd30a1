#pragma once

#include "segment/pool_file.hpp"

#include <boost/interprocess/managed_shared_memory.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace valpool::detail {

using boost_segment = boost::interprocess::managed_shared_memory;

/// Where the system keeps shared memory objects.
constexpr char shared_memory_directory[] = "/dev/shm";
std::string path_of_segment(const std::string& name);
/// The same without allocating: for destructors, and for others that must not fail.
class segment_path {
public:
    explicit segment_path(const std::string& name) noexcept;
    const char* c_str() const noexcept { return text_; }

private:
    char text_[300];  // the directory's name and NAME_MAX
};

/// The name without its leading slash, if it has one. Throws std::logic_error when what is left is
/// empty, ".", "..", too long, or contains a slash or a zero byte.
std::string checked_pool_name(const std::string& name);

/// A segment, mapped here for as long as `owner` lives.
struct mapped_segment {
    std::shared_ptr<void> owner;
    boost_segment::segment_manager* manager = nullptr;
    std::size_t size_bytes = 0;

    explicit operator bool() const noexcept { return owner != nullptr; }
    /// Where the file starts in memory, a little before what Boost calls the segment's address.
    char* start() const noexcept;
};

/// The name of a file that is being filled before it gets its own. From before it exists until it
/// has gone a lock says so, on a byte of the directory that has the same number, so that whoever
/// clears up after creators that have died knows theirs from those of the living. The number is
/// random: two creators never have the same, whatever containers they are in.
class temporary_file {
public:
    /// Throws std::runtime_error, naming `subject`.
    explicit temporary_file(const std::string& subject);
    /// Removes the name.
    ~temporary_file();
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;

    const std::string& name() const noexcept { return name_; }

    /// Removes those whose creators have died.
    static void sweep();

private:
    std::string name_;
    int directory_ = -1;
};

struct segment_request {
    std::string name;     // of its file
    std::string subject;  // whose it is, for messages
    std::size_t size_bytes = 0;
    void* address = nullptr;  // null: wherever it fits
    unsigned mode = 0600;
};

/// Creates a segment with all its bytes reserved, so that no later write can fail for want of
/// memory. Throws std::runtime_error saying how much was asked and how much there is. Leaves
/// nothing behind when it throws. Empty when only the address was the obstacle.
mapped_segment create_segment(const segment_request& request);

/// Maps an existing, verified segment: by its name, and where that is not (any more) the name of
/// `file`, by its descriptor. Throws and is empty as above.
mapped_segment open_segment(const pool_file& file, const std::string& name,
                            const std::string& subject, void* address);

/// Whether the file is mapped in this process, for reading and writing.
bool is_mapped_here(const file_identity& file);
/// Whether a core dump of this process has the memory in it.
void dump_with_core(void* memory, std::size_t size_bytes, bool on) noexcept;

/// Makes the pages of mapped memory present in this process, so that no first touch has to. They
/// keep what is in them.
void populate(void* memory, std::size_t size_bytes) noexcept;
/// Asks for huge pages under mapped memory. False when the system has none for it.
bool use_huge_pages(void* memory, std::size_t size_bytes) noexcept;

}  // namespace valpool::detail
