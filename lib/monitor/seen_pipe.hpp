#pragma once

/// A pipe for who only looks: it may be removed, and its memory used for something else, at any
/// moment.

#include "queue/leases.hpp"
#include "queue/ring.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace valpool::detail {

/// What must not change between two reads of it, because places are computed from it, is copied and
/// checked when the object is made. All other reads lie inside of the arena then, whatever they
/// give.
class seen_pipe {
public:
    /// `p` is what pipe_at gave for that arena.
    seen_pipe(const arena& a, const pipe& p) noexcept;

    /// False when the pipe was not one any more when it was copied.
    bool makes_sense() const noexcept { return makes_sense_; }
    const pipe& live() const noexcept { return *live_; }
    const std::string& name() const noexcept { return name_; }
    std::uint64_t capacity() const noexcept { return shape().capacity; }
    bool is_temporary() const noexcept { return shape().root.root_subtype == temporary_queue; }

    /// Packets put in and taken out so far.
    passed_packets passed() const noexcept;

    /// A word of the pipe that changes when the packet goes.
    struct proof {
        const std::atomic<std::uint64_t>* at = nullptr;
        std::uint64_t word = 0;

        bool holds() const noexcept {
            return at == nullptr || at->load(std::memory_order_acquire) == word;
        }
    };
    /// A packet that waits, and what proves afterwards that it has waited all the time.
    struct waiting_packet {
        std::uint64_t box_offset;
        proof proofs[2];

        bool waits_still() const noexcept { return proofs[0].holds() && proofs[1].holds(); }
    };
    /// The first ones, those to be delivered again before the others; at most `most`.
    std::vector<waiting_packet> waiting(std::size_t most) const;

    struct lease {
        lease_state state;
        std::uint64_t box_offset;
        const lease_entry* entry;
    };
    /// All that are out, or wait to be delivered again.
    std::vector<lease> leases() const;

    /// Lanes + 1 whose threads sleep until there is room, or a packet.
    std::vector<std::uint32_t> sleepers(const wait_list& list, std::uint64_t topic) const;

private:
    const pipe& shape() const noexcept { return *reinterpret_cast<const pipe*>(copy_); }
    const cell& cell_at(std::uint64_t position) const noexcept {
        return reinterpret_cast<const cell*>(live_ + 1)[shape().index_for(position)];
    }
    std::uint64_t next_position(const std::atomic<std::uint64_t>& cursor,
                                std::uint64_t done) const noexcept;
    void add_returned(std::vector<waiting_packet>& into, std::size_t most) const;

    const arena* arena_;
    const pipe* live_;
    bool makes_sense_ = false;
    std::string name_;
    alignas(pipe) unsigned char copy_[sizeof(pipe)] = {};  // up to the first cursor
};

/// All pipes of the directory. When pipes are removed during the walk, it begins anew.
std::vector<seen_pipe> seen_pipes(const arena& a);

}  // namespace valpool::detail
