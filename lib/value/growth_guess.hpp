#pragma once

#include <valpool/alloc/streaming_pool.hpp>

#include <algorithm>
#include <cstddef>

namespace valpool::detail {

/// How large a thread's next container is likely to become, in steps. Programs make containers of
/// the same few sizes again and again. One that begins with as much room as it needs takes less
/// memory than one that grows, is filled without moving anything, and a table is walked faster.
/// A score for each step: a container that begins takes 3 from each, and one that takes that step
/// adds 4. So a score is positive if more than three of four containers took the step.
template <std::size_t steps>
class growth_guess {
public:
    /// A container that is going to be filled begins.
    void begins() noexcept {
        for (short& score : scores_) score = std::max<short>(static_cast<short>(score - 3), least);
    }
    /// Such a container outgrows so many steps.
    void outgrows(std::size_t step) noexcept {
        short& score = scores_[step];
        score = std::min<short>(static_cast<short>(score + 4), most);
    }
    /// So many steps are enough for most; at least one.
    std::size_t usual_steps() const noexcept {
        std::size_t count = 1;
        while (count != steps && scores_[count] > 0) ++count;
        return count;
    }

private:
    // Some hundreds of containers may begin before the first one of them is filled.
    static constexpr short most = 1000;
    static constexpr short least = -100;
    short scores_[steps] = {};
};

/// In a smaller pool memory counts more than speed: what wrong guesses may waste.
inline bool may_be_roomy(const StreamingPool* pool) noexcept {
    constexpr std::size_t least_bytes = std::size_t{16} << 20;
    return !pool || pool->bytes() >= least_bytes;
}

}  // namespace valpool::detail
