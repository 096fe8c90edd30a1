#pragma once

#include "segment/pool_file.hpp"

#include <boost/interprocess/managed_shared_memory.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace valpool::detail {

using boost_segment = boost::interprocess::managed_shared_memory;

/// The directory in which the system keeps shared memory objects.
constexpr char shared_memory_directory[] = "/dev/shm";
std::string path_of_segment(const std::string& name);
/// The same without an allocation: for destructors and other callers that must not fail.
class segment_path {
public:
    explicit segment_path(const std::string& name) noexcept;
    const char* c_str() const noexcept { return text_; }

private:
    char text_[300];  // the directory's name and NAME_MAX
};

/// The name without its leading slash, if it has one. Throws std::logic_error when the rest is
/// empty, ".", "..", too long, or contains a slash or a zero byte.
std::string checked_pool_name(const std::string& name);

/// A segment that is mapped in this process for as long as `owner` lives.
struct mapped_segment {
    std::shared_ptr<void> owner;
    boost_segment::segment_manager* manager = nullptr;
    std::size_t size_bytes = 0;

    explicit operator bool() const noexcept { return owner != nullptr; }
    /// Where the file starts in memory. Boost's address of the segment lies a little behind it.
    char* start() const noexcept;
};

/// The temporary name of a file that is being filled and gets its own name afterwards. A lock
/// protects the file from before it exists until it is gone. The lock covers one byte of the
/// directory, at the offset that is the number in the file's name. So a process that cleans up
/// after dead creators can tell their files from those of living creators. The number is random:
/// two creators never have the same one, whatever containers they are in.
class temporary_file {
public:
    /// Throws std::runtime_error, which names `subject`.
    explicit temporary_file(const std::string& subject);
    /// Removes the name.
    ~temporary_file();
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;

    const std::string& name() const noexcept { return name_; }

    /// Paths of the temporary files whose creators have died.
    static std::vector<std::string> abandoned();
    /// Removes them.
    static void sweep() noexcept;

private:
    std::string name_;
    int directory_ = -1;
};

/// Whether a file in the directory is one of these, of a living creator or of a dead one.
bool is_temporary_name(const char* name) noexcept;

/// Whether that name in the directory is a link that stood in for the name of a pool whose SHMMain
/// has died: it leads to a descriptor of a process that is not there any more.
bool is_dead_link(const char* name) noexcept;
/// Their paths, as far as this user can know.
std::vector<std::string> dead_links();
/// Removes these.
void remove_dead_links() noexcept;

struct segment_request {
    std::string name;     // the name of its file
    std::string subject;  // what it belongs to, for messages
    std::size_t size_bytes = 0;
    void* address = nullptr;  // null: any address
    unsigned mode = 0600;
};

/// Creates a segment with all its bytes reserved, so that no later write can fail for want of
/// memory. Throws std::runtime_error, which says how much was requested and how much is available,
/// and leaves nothing behind then. The result is empty when only the requested address was not
/// available.
mapped_segment create_segment(const segment_request& request);

/// Maps an existing, verified segment by its name; when that is not (or no longer) the name of
/// `file`, by the descriptor of `file`. Throws, and is empty, as create_segment.
mapped_segment open_segment(const pool_file& file, const std::string& name,
                            const std::string& subject, void* address);

/// Whether the file is mapped in this process, for reading and writing.
bool is_mapped_here(const file_identity& file);
/// Sets whether a core dump of this process includes the memory.
void dump_with_core(void* memory, std::size_t size_bytes, bool on) noexcept;

/// Makes the pages of mapped memory present in this process, so that no later first access faults.
/// Their content stays as it is.
void populate(void* memory, std::size_t size_bytes) noexcept;
/// Asks the system to back mapped memory with huge pages. False when the system does not.
bool use_huge_pages(void* memory, std::size_t size_bytes) noexcept;

}  // namespace valpool::detail
