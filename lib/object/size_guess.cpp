#include "object/size_guess.hpp"

#include "alloc/slab.hpp"
#include "object/box_layout.hpp"

namespace valpool::detail {

[[gnu::tls_model("initial-exec")]] thread_local constinit size_guess usual_size;

void learn_size(box& b) noexcept {
    const arena& a = arena_of(b);
    const std::size_t first = space_bytes(a, b.self);
    const std::uint32_t room = b.bump_room.load(std::memory_order_relaxed);
    const std::uint64_t end = b.bump.load(std::memory_order_relaxed) + room;
    const std::uint64_t left = end - b.self <= first ? 0 : room;  // in a further chunk
    const std::uint64_t taken = b.bytes.load(std::memory_order_relaxed) - first - left;
    usual_size.learn(
        static_cast<std::uint32_t>(std::min<std::uint64_t>(taken, largest_class_size)));
}

}  // namespace valpool::detail
