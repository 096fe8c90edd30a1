#pragma once

namespace valpool::detail {

/// Between two looks of a thread that spins: leaves the core to its sibling for a moment.
inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

}  // namespace valpool::detail
