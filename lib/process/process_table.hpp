#pragma once

/// The attachments of this process, and the lock that excludes forks while the attachments change.

#include "process/attachment.hpp"

#include <memory>
#include <mutex>
#include <vector>

namespace valpool::detail {

/// The table is never destroyed: values in static storage may outlive every other static object.
struct process_table {
    std::recursive_mutex mutex;
    std::vector<std::shared_ptr<attachment>> attachments;

    /// The attachment to a pool; null when there is none. Under the mutex.
    std::shared_ptr<attachment> of(const arena& a) const;
    static process_table& instance();
};

/// Keeps the other threads of this process from forking, attaching and detaching. Needed while a
/// pool's file is open that is in no attachment yet: a child would inherit the file description,
/// and with it every lock that is taken through it, for as long as the child lives.
/// May be nested.
class no_forks {
public:
    no_forks() noexcept { process_table::instance().mutex.lock(); }
    ~no_forks() { process_table::instance().mutex.unlock(); }
    no_forks(const no_forks&) = delete;
    no_forks& operator=(const no_forks&) = delete;
};

}  // namespace valpool::detail
