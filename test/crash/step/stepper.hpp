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

/// The bytes of a pool's file, apart from what valpool itself has mapped.
class pool_view {
public:
    explicit pool_view(const std::string& path);
    ~pool_view();
    pool_view(const pool_view&) = delete;
    pool_view& operator=(const pool_view&) = delete;

    /// Whether anything has changed since it was asked last.
    bool has_changed();

private:
    const char* bytes_ = nullptr;
    std::vector<char> seen_;
};

/// One run of an operation.
struct recording {
    struct stop {
        unsigned long place;    // where it is after so many instructions
        unsigned long arrival;  // for the how-manieth time; 0: a repeated instruction goes on there
    };
    std::vector<stop> stops;   // [n]: after n instructions; [0] is before the first
    std::vector<long> stores;  // n after which the pool had changed
    std::vector<long> calls;   // n before, at and after which a system call comes
    std::vector<long> in_libc;

    long length() const noexcept { return static_cast<long>(stops.size()) - 1; }
};

/// A process that lives until it calls begin_stepping(), and from there on as it is told to.
class victim {
public:
    /// What it is given are the two ends of what is to be stepped; the second may be left out by
    /// a thread, which ends there.
    struct marks {
        std::function<void()> begin;
        std::function<void()> end;
    };
    explicit victim(const std::function<void(const marks&)>& life);
    ~victim();
    victim(const victim&) = delete;
    victim& operator=(const victim&) = delete;

    /// Instruction by instruction to the end of what is to be stepped.
    recording record(pool_view& view);
    /// Exactly n instructions, as when it was recorded. False when it came to the end before.
    bool run(const recording& known, long n);
    unsigned long where() const { return thread_->where(); }

    void kill();
    /// Has it go on to its own end: whatever is wrong with that, or an empty text.
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
