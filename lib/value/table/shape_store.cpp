#include "base/kill_point.hpp"
#include "base/round_up.hpp"
#include "value/table/shapes.hpp"

/// The shapes of a pool.

namespace valpool::detail {

static_assert(sizeof(shape_store) % 64 == 0);

shape_store* shape_store::of(arena& a) noexcept {
    return a.shape_bytes > sizeof(shape_store) ? a.at<shape_store>(a.shapes_offset) : nullptr;
}

const shape* shape_store::find(const arena& a, std::uint32_t hash,
                               const key_sequence& keys) const noexcept {
    const std::size_t end = a.shape_bytes - shape::size_bytes(keys.count());
    for (std::size_t i = 0; i != slots; ++i) {
        const std::uint32_t distance = slots_[(hash + i) % slots].load(std::memory_order_acquire);
        // Of a damaged pool nothing is read beyond the area.
        if (distance < sizeof(shape_store) || distance > end || distance % 64 != 0) return nullptr;
        const shape* const s = at(distance);
        if (s->hash == hash && keys.is(*s)) return s;
    }
    return nullptr;
}

/// A distance from the store's start; 0: there is no room.
std::uint64_t shape_store::reserve(const arena& a, std::size_t size_bytes) noexcept {
    const std::size_t room = a.shape_bytes - sizeof(shape_store);
    std::uint32_t used = used_.load(std::memory_order_relaxed);
    do {
        if (used + size_bytes > room) return 0;
    } while (!used_.compare_exchange_weak(used, static_cast<std::uint32_t>(used + size_bytes),
                                          std::memory_order_relaxed));
    return sizeof(shape_store) + used;
}

const shape* shape_store::add(const arena& a, std::uint32_t hash,
                              const key_sequence& keys) noexcept {
    if (const shape* const there = find(a, hash, keys)) return there;
    const std::uint64_t distance = reserve(a, round_up(shape::size_bytes(keys.count()), 64));
    if (distance == 0) return nullptr;
    VALPOOL_KILL_POINT("shape.reserved");
    auto* const s = const_cast<shape*>(at(distance));
    s->hash = hash;
    s->count = keys.count();
    auto* const to = const_cast<Val*>(s->keys());
    // Behind the keys lie zeros: what was reserved is used once.
    auto* const fingerprints = reinterpret_cast<unsigned char*>(to + s->room());
    for (std::uint32_t i = 0; i != keys.count(); ++i) {
        value_access::new_short(to + i, keys[i], nullptr);
        if (has_fingerprints(s->room())) fingerprints[i] = fingerprint_of(keys[i]);
    }
    VALPOOL_KILL_POINT("shape.written");
    for (std::size_t i = 0; i != slots; ++i) {
        std::uint32_t nothing = 0;
        if (slots_[(hash + i) % slots].compare_exchange_strong(
                nothing, static_cast<std::uint32_t>(distance), std::memory_order_release))
            return s;
    }
    return nullptr;  // what it takes stays unused: all slots are
}

}  // namespace valpool::detail
