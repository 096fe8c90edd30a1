#pragma once

#include <valpool/boot.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace valpool::detail {

/// Arguments that the three boot objects share, checked.
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
/// Throws std::logic_error for a bad name, a misaligned address, a negative sleep.
startup_options checked_options(const std::string& name, bool debug, void* forced_addr,
                                break_checker checker, std::int64_t micro_sleep);

/// Paces a wait for something that another process will do: soon at first, since it often is
/// nearly there, rarer later; and polls the break checker at its own period.
class startup_wait {
public:
    explicit startup_wait(const startup_options& options) noexcept;
    /// Sleeps a little; false when the break checker says stop.
    bool pause();

private:
    const startup_options& options_;
    std::chrono::steady_clock::time_point began_;
    std::chrono::steady_clock::time_point next_check_;
};

/// Exact, from personality(2) and the kernel's own setting.
bool has_address_randomization();
/// The warning of the document, where it matters: a forced address was asked for.
void warn_of_randomization(const startup_options& options);
/// That a pool's name could not be removed: somebody has to, and a destructor cannot throw.
void warn_of_name_left(const startup_options& options, int error_number) noexcept;
/// One line on standard error, in debug mode.
void say(const startup_options& options, const std::string& what);

}  // namespace valpool::detail
