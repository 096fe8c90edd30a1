#pragma once

namespace valpool::detail {

/// Called between two checks of a spinning thread: leaves the core to its sibling for a moment.
inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

}  // namespace valpool::detail
