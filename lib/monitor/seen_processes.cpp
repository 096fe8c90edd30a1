#include "monitor/seen_processes.hpp"

#include "alloc/slab.hpp"
#include "monitor/system_process.hpp"
#include "object/box_layout.hpp"
#include "process/ledger.hpp"
#include "process/slot.hpp"
#include "queue/directory.hpp"
#include "queue/flow.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace valpool::detail {
namespace {

/// Boxes that have been met, one bit for each granule of the pages.
class box_set {
public:
    explicit box_set(const arena& a)
        : first_(a.pages_offset),
          words_((a.size_bytes - a.pages_offset) / block_granule / 64 + 1) {}

    /// False when it was there already. `offset` lies in the pages.
    bool insert(std::uint64_t offset) {
        const std::uint64_t granule = (offset - first_) / block_granule;
        std::uint64_t& word = words_[granule / 64];
        const std::uint64_t bit = std::uint64_t{1} << (granule % 64);
        if ((word & bit) != 0) return false;
        word |= bit;
        touched_.push_back(granule / 64);
        return true;
    }
    void clear() {
        for (const std::uint64_t i : touched_) words_[i] = 0;
        touched_.clear();
    }

private:
    std::uint64_t first_;
    std::vector<std::uint64_t> words_;
    std::vector<std::uint64_t> touched_;
};

/// What is the same for all processes of the pool, so that it is looked up once.
class pool_users {
public:
    explicit pool_users(const monitored_pool& seen)
        : seen_(seen), arena_(seen.pool()), met_(arena_), threads_(arena_.lane_count) {
        for (const seen_pipe& p : seen_pipes(arena_)) add_pipe(p);
        count_threads();
        add_up_raw();
    }

    process_status look(std::uint32_t slot_index) {
        const process_slot& slot = arena_.slot(slot_index);
        process_status found;
        found.pid = slot.pid.load();
        found.is_parent_of_holders = slot.state.load() == process_slot::family;
        found.is_alive = !seen_.is_dead(slot_index);
        const system_process its = look_up_process(found.pid);
        // The number of a dead process may be another one's by now.
        if (found.is_alive) {
            found.name = its.name;
            found.state = its.state;
            found.running_s = its.running_s;
        }
        add_threads(slot_index, found);
        add_held(slot, found);
        const auto since = last_pass_.find(found.pid);
        if (since != last_pass_.end() && !found.is_parent_of_holders)
            found.since_last_packet_s =
                static_cast<double>(std::max<std::int64_t>(coarse_now_ms() - since->second, 0)) *
                1e-3;
        return found;
    }

private:
    struct thread_counts {
        std::size_t all = 0, inside = 0, waiting = 0, leases = 0, raw_bytes = 0;
    };

    void add_pipe(const seen_pipe& p) {
        names_.emplace(arena_.offset_of(&p.live()), p.name());
        visit_passes(arena_, p.live(), [this](const last_passes& passes) {
            for (const pass_note note : {passes.in, passes.out}) {
                std::int64_t& last = last_pass_[note.pid()];
                last = std::max(last, note.ms());
            }
        });
        for (const seen_pipe::lease& l : p.leases())
            if (l.state.what() == lease_state::leased && l.state.slot() < threads_.size())
                ++threads_[l.state.slot()].leases;
    }

    void count_threads() {
        for (std::uint32_t i = 0; i < arena_.lane_count; ++i) {
            const lane& l = arena_.lane_at(i);
            const std::uint32_t owner = l.owner.load(std::memory_order_acquire);
            if (owner == 0 || owner > arena_.lane_count) continue;
            thread_counts& counts = threads_[owner - 1];
            ++counts.all;
            if (l.activity.load(std::memory_order_relaxed) != 0) ++counts.inside;
            if (arena_.seat_at(i).asleep.load(std::memory_order_relaxed) == 1) ++counts.waiting;
        }
    }

    void add_up_raw() {
        arena& a = const_cast<arena&>(arena_);  // for_each_used_space only reads
        for (std::uint32_t page = 0; page < a.page_count; ++page)
            for_each_used_space(a, page, [&](std::uint64_t offset) {
                const std::uint64_t mark = a.at<raw_header>(offset)->mark.load();
                const std::uint32_t slot = raw_header::slot_in(mark);
                if (raw_header::magic_in(mark) == magic_raw && slot < threads_.size())
                    threads_[slot].raw_bytes += space_bytes(a, offset);
            });
    }

    void add_threads(std::uint32_t slot_index, process_status& found) const {
        const thread_counts& counts = threads_[slot_index];
        found.threads = counts.all;
        found.threads_inside = counts.inside;
        found.threads_waiting = counts.waiting;
        found.leased_packets = counts.leases;
        found.raw_bytes = counts.raw_bytes;
    }

    /// Its blocks may be freed and used again meanwhile: then what they say makes no sense, or is
    /// of others, and this ends early.
    void add_held(const process_slot& slot, process_status& found) {
        const ledger_state ledger(slot);
        std::size_t left = std::size_t{arena_.page_count} * 64;
        met_.clear();
        for (std::uint64_t o = ledger.newest; o != 0 && left-- != 0;) {
            if (!arena_.in_pages(o) || o % block_granule != 0 ||
                sizeof(ledger_block) > arena_.size_bytes - o)
                break;
            const auto& block = *arena_.at<ledger_block>(o);
            if (block.magic.load(std::memory_order_acquire) != magic_ledger) break;
            for (const auto& entry : block.entries)
                add_held_box(entry.load(std::memory_order_acquire), found);
            o = block.next;
        }
        follow(found);
        std::sort(found.open_pipes.begin(), found.open_pipes.end());
    }

    void add_held_box(std::uint64_t offset, process_status& found) {
        if (offset == 0 || !is_box(arena_, offset)) return;
        if (const auto pipe = names_.find(offset); pipe != names_.end()) {
            if (met_.insert(offset)) found.open_pipes.push_back(pipe->second);
            return;
        }
        if (is_listed(*arena_.at<box>(offset)) || !met_.insert(offset)) return;
        ++found.held_boxes;
        found.held_bytes += box_bytes(arena_, offset);
        work_.push_back(offset);
    }

    /// Adds the boxes that those held refer to.
    void follow(process_status& found) {
        std::size_t left = std::size_t{arena_.page_count} * 4096;
        while (!work_.empty()) {
            const box& b = *arena_.at<box>(work_.back());
            work_.pop_back();
            for (std::uint64_t n = b.out_refs.load(std::memory_order_acquire);
                 n != 0 && left-- != 0;) {
                if (!arena_.in_pages(n) || n % alignof(out_ref) != 0 ||
                    sizeof(out_ref) > arena_.size_bytes - n)
                    break;
                const auto& node = *arena_.at<out_ref>(n);
                const std::uint64_t target = node.target;
                if (node.self != n) break;
                if (is_box(arena_, target) && met_.insert(target)) {
                    found.held_bytes += box_bytes(arena_, target);
                    work_.push_back(target);
                }
                n = node.next.load(std::memory_order_acquire);
            }
        }
    }

    const monitored_pool& seen_;
    const arena& arena_;
    box_set met_;
    std::vector<thread_counts> threads_;                    // by slot
    std::unordered_map<std::uint64_t, std::string> names_;  // of pipes, by their offsets
    std::map<std::int32_t, std::int64_t> last_pass_;        // ms, by pid
    std::vector<std::uint64_t> work_;
};

}  // namespace

bool is_box(const arena& a, std::uint64_t offset) noexcept {
    return a.in_pages(offset) && offset % block_granule == 0 &&
           sizeof(box) <= a.size_bytes - offset &&
           a.at<box>(offset)->magic.load(std::memory_order_acquire) == magic_box &&
           a.at<box>(offset)->self == offset;
}

std::size_t box_bytes(const arena& a, std::uint64_t offset) noexcept {
    const box& b = *a.at<box>(offset);
    if (b.chunks.load(std::memory_order_relaxed) == 0) return space_bytes(a, offset);
    const std::uint64_t bytes = b.bytes.load(std::memory_order_relaxed);
    // Recovery uses the field for a list.
    return bytes < a.size_bytes ? bytes : space_bytes(a, offset);
}

boost::container::vector<process_status> look_at_processes(const monitored_pool& seen) {
    boost::container::vector<process_status> found;
    pool_users users(seen);
    const arena& a = seen.pool();
    for (std::uint32_t s = 0; s < a.lane_count; ++s)
        if (a.slot(s).state.load(std::memory_order_acquire) != process_slot::free)
            found.push_back(users.look(s));
    return found;
}

}  // namespace valpool::detail
