#pragma once

#include "crash/step/tracee.hpp"
#include "support/child.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace valpool::test {

/// The bytes of a pool's file, in a mapping separate from valpool's own.
class pool_view {
public:
    explicit pool_view(const std::string& path);
    ~pool_view();
    pool_view(const pool_view&) = delete;
    pool_view& operator=(const pool_view&) = delete;

    /// Whether anything has changed since the last call.
    bool has_changed();

private:
    const char* bytes_ = nullptr;
    std::vector<char> seen_;
};

/// One run of an operation.
struct recording {
    struct stop {
        unsigned long place;    // the address after so many instructions
        unsigned long arrival;  // how often it has come there; 0: a repeated instruction continues
    };
    std::vector<stop> stops;   // [n]: after n instructions; [0] is before the first
    std::vector<long> stores;  // the n after which the pool had changed
    std::vector<long> calls;   // the n right before, at and right after a system call
    std::vector<long> in_libc;

    long length() const noexcept { return static_cast<long>(stops.size()) - 1; }
};

/// A process that runs by itself until it calls marks::begin, and from there on only as it is told
/// to.
class victim {
public:
    /// The victim calls these at the two ends of the part that is stepped. A thread may leave out
    /// the second, and then ends there.
    struct marks {
        std::function<void()> begin;
        std::function<void()> end;
    };
    explicit victim(const std::function<void(const marks&)>& life);
    ~victim();
    victim(const victim&) = delete;
    victim& operator=(const victim&) = delete;

    /// Runs instruction by instruction to the end of the part that is stepped.
    recording record(pool_view& view);
    /// Runs exactly n instructions, as recorded. False when it came to the end before.
    bool run(const recording& known, long n);
    unsigned long where() const { return thread_->where(); }

    void kill();
    /// Lets it run to its own end. Returns what was wrong with that, or an empty text.
    std::string finish();

private:
    struct report_line;
    victim(const std::function<void(const marks&)>& life, report_line line);

    family process_;
    traced_ids ids_{};
    std::optional<tracee> thread_;
    bool has_gone_ = false;
};

}  // namespace valpool::test
