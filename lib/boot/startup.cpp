#include "boot/startup.hpp"

#include "base/system_error.hpp"
#include "segment/segment.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <thread>
#include <utility>

#include <sys/personality.h>
#include <unistd.h>

namespace valpool::detail {

startup_options checked_options(const std::string& name, bool debug, void* forced_addr,
                                break_checker checker, std::int64_t micro_sleep) {
    startup_options options;
    options.name = checked_pool_name(name);
    options.debug = debug;
    options.forced_addr = forced_addr;
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    if (reinterpret_cast<std::uintptr_t>(forced_addr) % page != 0)
        throw std::logic_error("a forced address must be a multiple of the page size, " +
                               std::to_string(page));
    if (micro_sleep < 0)
        throw std::logic_error("the sleep between two checks cannot be negative: " +
                               std::to_string(micro_sleep) + " microseconds");
    options.checker = std::move(checker);
    constexpr std::int64_t longest_us = 1'000'000'000'000;
    options.period =
        std::chrono::microseconds(std::clamp<std::int64_t>(micro_sleep, 100, longest_us));
    return options;
}

startup_wait::startup_wait(const startup_options& options) noexcept
    : options_(options), began_(std::chrono::steady_clock::now()), next_check_(began_) {}

bool startup_wait::pause() {
    using namespace std::chrono;
    const auto now = steady_clock::now();
    if (options_.checker && now >= next_check_) {
        if (options_.checker()) return false;
        next_check_ = now + options_.period;
    }
    const auto waited = now - began_;
    const microseconds step = waited < seconds(2)    ? microseconds(500)
                              : waited < seconds(20) ? microseconds(2000)
                                                     : microseconds(10000);
    std::this_thread::sleep_for(std::min(step, options_.period));
    return true;
}

bool has_address_randomization() {
    constexpr unsigned long ask_only = 0xffffffff;
    const int mine = personality(ask_only);
    if (mine != -1 && (mine & ADDR_NO_RANDOMIZE) != 0) return false;
    std::ifstream setting("/proc/sys/kernel/randomize_va_space");
    int level = 2;
    setting >> level;
    return level != 0;
}

void warn_of_randomization(const startup_options& options) {
    if (!options.warns || !options.forced_addr || !has_address_randomization()) return;
    std::cerr << "valpool: WARNING: address randomisation is on, and memory pool "
              << quoted(options.name)
              << " has a forced address.\n"
                 "  A process that has something else at that address cannot map the pool.\n"
                 "  Either force no address (the pool works at any), or start the processes "
                 "without randomisation:\n"
                 "    setarch $(uname -m) -R PROGRAM ...\n"
                 "  warning(false) before start() turns this message off.\n";
}

void warn_of_name_left(const startup_options& options, int error_number) noexcept {
    if (!options.warns) return;
    try {
        std::cerr << "valpool: WARNING: the name of memory pool " << quoted(options.name)
                  << " is left behind, because this process may not remove it ("
                  << std::strerror(error_number) << "): remove " << path_of_segment(options.name)
                  << "\n";
    } catch (const std::exception&) {
        // Nothing else can be done.
    }
}

void say(const startup_options& options, const std::string& what) {
    if (options.debug)
        std::cerr << "valpool[" << getpid() << "]: " << options.name << ": " << what << "\n";
}

}  // namespace valpool::detail
