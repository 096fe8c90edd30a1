#pragma once

/// Shapes: sequences of keys that the tables of a pool share, and how a thread learns which it
/// needs. docs/design/shapes.md has the reasons.

#include "alloc/arena.hpp"
#include "value/table/inside.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace valpool::detail {

/// Shape: in a shape_store; the keys follow, zeros up to room(), and fingerprints if that is enough
/// for them, as in a table's first chunk. All keys are short texts.
/// Writers: the thread that adds it, before it is published; it never changes after that.
struct shape {
    std::uint32_t hash;
    std::uint32_t count;
    std::uint64_t reserved[3];

    const Val* keys() const noexcept { return reinterpret_cast<const Val*>(this + 1); }
    std::size_t room() const noexcept { return room_with_shape(count); }
    bool begins_with(const Val* first_keys, std::size_t how_many) const noexcept;
    static std::size_t size_bytes(std::size_t count) noexcept {
        return sizeof(shape) + first_keys_bytes(room_with_shape(count));
    }
};
static_assert(sizeof(shape) == sizeof(Val), "what is compared of a key lies in one cache line");

constexpr std::size_t least_keys_of_shape = 2;
constexpr std::size_t most_keys_of_shape = most_in_row;

inline bool is_short_text(const Val& key) noexcept {
    return key.tag == 'a' && !value_access::owns_something(key);
}
inline short_text words_of(const Val& key) noexcept {
    return short_text(value_access::stored(key));
}

/// Some keys that may become a shape: a few short texts.
class key_sequence {
public:
    std::uint32_t count() const noexcept { return count_; }
    const short_text& operator[](std::size_t i) const noexcept { return keys_[i].text; }
    /// False if there are too many already.
    bool add(const Val& key) noexcept {
        if (count_ == most_keys_of_shape || !is_short_text(key)) return false;
        new (&keys_[count_++].text) short_text(words_of(key));
        return true;
    }
    std::uint32_t hash() const noexcept;
    bool is(const shape& s) const noexcept;

private:
    union place {
        // Nothing is written before it is needed. NOLINTNEXTLINE(modernize-use-equals-default)
        place() noexcept {}
        short_text text;
    };
    std::uint32_t count_ = 0;
    place keys_[most_keys_of_shape];
};

/// Shape: an area of the pool; shapes follow, each published in one of the slots by its distance
/// from the store's start. Zeroed memory is an empty store. Nothing is ever removed: a table may
/// refer to a shape for as long as the pool lives. So what a program that never repeats its keys
/// can fill is this area, and no more.
/// Writers: anybody, atomically.
/// Crash safety: whoever dies between reserving room and publishing loses that room.
class shape_store {
public:
    /// Null in a pool without an area for shapes.
    static shape_store* of(arena& a) noexcept;

    /// Null if there is none; `add`: or no room for it. `hash` is the sequence's.
    const shape* find(const arena& a, std::uint32_t hash, const key_sequence& keys) const noexcept;
    const shape* add(const arena& a, std::uint32_t hash, const key_sequence& keys) noexcept;

private:
    static constexpr std::size_t slots = 256;

    std::uint64_t reserve(const arena& a, std::size_t size_bytes) noexcept;
    const shape* at(std::uint64_t distance) const noexcept {
        return reinterpret_cast<const shape*>(reinterpret_cast<const char*>(this) + distance);
    }

    std::atomic<std::uint32_t> used_;  // bytes behind this header
    std::uint32_t reserved_[15];
    std::atomic<std::uint32_t> slots_[slots];
};

/// What the thread has seen of late. A sequence of keys that it has seen several times in a row
/// behind the same first key becomes a shape, and the next table that begins with that key begins
/// with the shape.
class shape_guesses {
public:
    /// Of the last tables that began with this key; null: not known.
    const shape* begun_by(arena& a, const short_text& first) noexcept;
    // Of a table that is going to be filled, and is expected to get these keys; null: make room as
    // without shapes.
    const shape* to_begin_with(arena& a, const short_text& first) noexcept {
        return trusted(a, begun_by(a, first));
    }
    const shape* to_begin_root(arena& a) noexcept { return trusted(a, root_.known(a)); }
    /// A table began without a shape, or had to leave the one that it began with.
    void miss() noexcept {
        is_wanted_ = true;
        ++misses_;
    }
    /// A table had to leave the shape of these keys.
    void leave(arena& a, const Val* keys) noexcept;
    /// Whether the next box that the thread sends should be looked at.
    bool is_wanted() const noexcept { return is_wanted_; }
    /// Of a box that is complete, and that nobody changes meanwhile.
    void learn(arena& a, const box& b) noexcept;

private:
    friend class shape_learner;

    static constexpr unsigned enough = 3;  // times in a row
    static constexpr unsigned places = 8;
    static constexpr std::uint32_t longest_pause = 256;
    /// So many tables may begin with shapes before the thread looks again what became of such.
    static constexpr std::uint32_t least_trust = 512;
    static constexpr std::uint32_t most_trust = std::uint32_t{1} << 30;

    /// A sequence, and how often it came in a row.
    struct sequence {
        std::uint64_t nonce = 0;  // of the pool
        std::uint32_t hash = 0;
        std::uint32_t times = 0;
        std::uint64_t offset = 0;  // of the shape, in the pool; 0: not known

        bool sees(const arena& a, std::uint32_t its_hash) noexcept;
        const shape* known(arena& a) const noexcept {
            return offset != 0 && nonce == a.nonce ? a.at<const shape>(offset) : nullptr;
        }
    };
    struct place {
        std::uint64_t first[3] = {};
        sequence keys;
    };
    place& place_of(const short_text& first) noexcept {
        return places_[fingerprint_of(first) % places];
    }
    const shape* trusted(const arena& a, const shape* s) noexcept;
    bool should_look_soon() const noexcept { return uses_ >= trust_ / 2; }

    bool is_wanted_ = false;
    // Since the last look.
    std::uint32_t misses_ = 0;
    std::uint32_t uses_ = 0;
    std::uint32_t pause_ = 1;  // so many misses make another look worth it
    std::uint32_t trust_ = least_trust;
    sequence root_;
    place places_[places];
};

extern thread_local constinit shape_guesses shapes [[gnu::tls_model("initial-exec")]];

}  // namespace valpool::detail
