#pragma once

#include <valpool/boot/boot.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace valpool::detail {

/// The arguments that the three boot objects have in common, checked.
struct startup_options {
    std::string name;
    bool debug = false;
    void* forced_addr = nullptr;
    break_checker checker;
    std::chrono::microseconds period{100000};
    bool warns = true;
    bool populates = false;
    bool dumps = false;
};
/// Throws std::logic_error for a bad name, a misaligned address or a negative sleep.
startup_options checked_options(const std::string& name, bool debug, void* forced_addr,
                                break_checker checker, std::int64_t micro_sleep);

/// Paces a wait for something that another process will do. It checks often at first, because the
/// other process often is nearly ready, and more rarely later. It polls the break checker at the
/// checker's own period.
class startup_wait {
public:
    explicit startup_wait(const startup_options& options) noexcept;
    /// Sleeps a little; false when the break checker ends the wait.
    bool pause();

private:
    const startup_options& options_;
    std::chrono::steady_clock::time_point began_;
    std::chrono::steady_clock::time_point next_check_;
};

/// Whether addresses are randomised in this process, by personality(2) and the kernel's setting.
bool has_address_randomization();
/// Prints the warning that the original's document requires, but only where it matters: when a
/// forced address was requested.
void warn_of_randomization(const startup_options& options);
/// Prints a warning that a pool's name could not be removed: somebody has to remove it, and a
/// destructor cannot throw.
void warn_of_name_left(const startup_options& options, int error_number) noexcept;
/// Prints one line on standard error, in debug mode.
void say(const startup_options& options, const std::string& what);

}  // namespace valpool::detail
