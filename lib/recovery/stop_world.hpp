#pragma once

/// Stopping the world: keeping everybody out of operations on shared structure.

#include "process/attachment.hpp"

#include <mutex>

namespace valpool::detail {

/// Holds the recovery role while it exists. A mutex excludes other threads. A lock on the file
/// excludes other processes; the kernel drops it when its holder dies.
class recovery_turn {
public:
    explicit recovery_turn(attachment& at) noexcept
        : at_(at), turn_(at.recovery, std::try_to_lock) {
        has_role_ = turn_.owns_lock() && at.file.try_lock(recovery_role);
    }
    ~recovery_turn() {
        if (has_role_) at_.file.unlock(recovery_role);
    }
    recovery_turn(const recovery_turn&) = delete;
    recovery_turn& operator=(const recovery_turn&) = delete;
    explicit operator bool() const noexcept { return has_role_; }

private:
    attachment& at_;
    std::unique_lock<std::mutex> turn_;
    bool has_role_ = false;
};

/// Whether no new attempt is due yet, because a process foiled the last attempts to stop the world.
bool is_put_off(const arena& a) noexcept;

/// Closes the gate and waits until all living threads are outside. When it returns false, the gate
/// is open again. The caller must hold the recovery role.
bool stop_world(attachment& at) noexcept;
void open_gate(arena& a) noexcept;

}  // namespace valpool::detail
