#pragma once

/// How much memory a thread's next box is likely to take.

#include <valpool/object/detail/box.hpp>

#include <algorithm>
#include <cstdint>

namespace valpool::detail {

/// What the thread's boxes that outgrew their first block took beyond it, when they were complete.
/// Programs make packets of the same few shapes again and again. One whose further memory is one
/// chunk of the right size takes less memory, is built with fewer allocations, and is freed at
/// once. A size counts as known when three boxes in a row have had about the same.
class size_guess {
public:
    void learn(std::uint32_t size_bytes) noexcept {
        const std::uint32_t quarter = usual_ / 4;
        const bool is_alike = size_bytes >= usual_ - quarter && size_bytes <= usual_ + quarter;
        alike_ = is_alike ? std::min(alike_ + 1, enough) : 0;
        // Not below the largest of the last few, or many boxes would need a further chunk.
        usual_ = is_alike ? std::max(size_bytes, usual_ - usual_ / 16) : size_bytes;
    }
    /// 0: not known.
    std::uint32_t usual_bytes() const noexcept { return alike_ == enough ? usual_ : 0; }

private:
    static constexpr std::uint32_t enough = 2;
    std::uint32_t usual_ = 0;
    std::uint32_t alike_ = 0;
};

extern thread_local constinit size_guess usual_size [[gnu::tls_model("initial-exec")]];

/// The thread learns how much this box, which is complete and has further chunks, has taken.
/// Another thread may be changing it: then what is learned may be wrong, once.
void learn_size(box& b) noexcept;

}  // namespace valpool::detail
