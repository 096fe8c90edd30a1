#pragma once

/// The attachments of this process, and the lock that keeps their number and its forks apart.

#include "process/attachment.hpp"

#include <memory>
#include <mutex>
#include <vector>

namespace valpool::detail {

/// Never destroyed: values in static storage may outlive every other static object.
struct process_table {
    std::recursive_mutex mutex;
    std::vector<std::shared_ptr<attachment>> attachments;

    /// Null when there is none. Under the mutex.
    std::shared_ptr<attachment> of(const arena& a) const;
    static process_table& instance();
};

/// Keeps the other threads of this process from forking, and from attaching and detaching. Who has
/// a pool's file open that is in no attachment yet needs that: a child would inherit the
/// description, and with it, for as long as it lives, every lock that is taken by it.
/// May be nested.
class no_forks {
public:
    no_forks() noexcept { process_table::instance().mutex.lock(); }
    ~no_forks() { process_table::instance().mutex.unlock(); }
    no_forks(const no_forks&) = delete;
    no_forks& operator=(const no_forks&) = delete;
};

}  // namespace valpool::detail
