#pragma once

/// Keeping everybody out of operations on shared structure.

#include "process/attachment.hpp"

#include <mutex>

namespace valpool::detail {

/// Having the recovery role, against other threads by a mutex and against other processes by the
/// file's lock, which the kernel drops when its holder dies.
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

/// Whether a stopped process has foiled the last tries to stop the world.
bool is_put_off(const arena& a) noexcept;

/// Closes the gate and waits until the living are outside. On false the gate is open again. With
/// the recovery role.
bool stop_world(attachment& at) noexcept;
void open_gate(arena& a) noexcept;

}  // namespace valpool::detail
