#include "segment/registry.hpp"

#include <chrono>
#include <thread>

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace valpool::detail {

bool register_for_barriers() noexcept {
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
}

void barrier_for_all_processes() noexcept {
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0) return;
    // Two ticks of the slowest timer. Everything that a processor stored before its tick is visible
    // after the tick.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

}  // namespace valpool::detail
