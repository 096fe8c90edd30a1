#include <valpool/monitor/pool_check.hpp>

#include "alloc/slab.hpp"
#include "monitor/monitored_pool.hpp"
#include "object/root_provider.hpp"
#include "process/slot.hpp"
#include "queue/taps.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <functional>
#include <ostream>
#include <stdexcept>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace valpool {

using namespace detail;

namespace {

class checker {
public:
    using death_test = std::function<bool(std::uint32_t slot)>;

    /// Writes nothing to the pool. The const_cast is needed because functions that visit a pool may
    /// write when others call them.
    checker(const arena& a, const death_test& is_dead)
        : a_(const_cast<arena&>(a)), is_dead_(is_dead) {}

    pool_report run() {
        report_.total_bytes = all_space(a_);
        report_.used_bytes = used_space(a_);
        visit_heaps();
        // Pipes and taps come first: a hold on one is no reference to a shared value.
        visitor_for listed(*this, &checker::count_listed);
        roots().visit_roots(a_, listed);
        visit_processes();
        follow();
        compare_counts();
        add_up_raw();
        compare_bytes();
        return std::move(report_);
    }

private:
    struct seen_box {
        std::size_t expected = 0;  // references by the living
        std::size_t dead = 0;      // by the dead; these may or may not be counted
    };

    /// Passes each visited offset to a function of the checker.
    class visitor_for final : public reference_visitor {
    public:
        using function = void (checker::*)(std::uint64_t offset);
        visitor_for(checker& its, function count) noexcept : checker_(its), count_(count) {}
        void visit(std::uint64_t offset) noexcept override { (checker_.*count_)(offset); }

    private:
        checker& checker_;
        function count_;
    };

    void count_packet(std::uint64_t box_offset) {
        const bool is_table = is_block<box>(box_offset, magic_box) &&
                              a_.at<box>(box_offset)->root_tag == lease_table_tag;
        if (!is_table) ++report_.packets;
        visit(box_offset, false, "a packet");
    }
    void count_tapped_packet(std::uint64_t box_offset) { visit(box_offset, false, "a tap"); }
    void count_packets_in(box& b) {
        const std::uint64_t offset = a_.offset_of(&b);
        const bool of_tap = is_tap(offset);
        if (of_tap ? !has_room_for<tap>(offset) : !has_room_for<pipe>(offset)) return;
        visitor_for packets(*this, of_tap ? &checker::count_tapped_packet : &checker::count_packet);
        roots().visit_box(a_, b, packets);
    }
    bool is_tap(std::uint64_t offset) const noexcept {
        return has_room_for<box>(offset) && a_.at<box>(offset)->root_tag == tap_root_tag;
    }
    /// Counts a pipe of the directory, its lease table, or a tap. The list itself (for a table, the
    /// pipe) is one reference to it.
    void count_listed(std::uint64_t offset) {
        if (!add_listed(offset)) return;
        ++pipes_[offset].expected;
        if (a_.at<box>(offset)->root_tag == lease_table_tag) return;
        ++(is_tap(offset) ? report_.taps : report_.queues);
        count_packets_in(*a_.at<box>(offset));
    }

    void complain(std::string problem) {
        constexpr std::size_t most = 100;
        if (report_.problems.size() < most) report_.problems.push_back(std::move(problem));
    }

    /// The message names the box. Only a message that comes again and again for the same box is a
    /// problem, because other processes may be changing the box during a look.
    void complain_of(const box& b, const char* what) {
        complain("the box at " + std::to_string(a_.offset_of(&b)) + ": its " + what);
    }

    /// Whether a block in use starts at `offset`, has that magic, and is large enough for a T.
    template <class T>
    bool is_block(std::uint64_t offset, std::uint32_t magic) const noexcept {
        return offset != 0 && space_start(a_, offset) == offset && has_room_for<T>(offset) &&
               a_.at<std::atomic<std::uint32_t>>(offset)->load() == magic;
    }
    /// Whether a T fits there at all. The page's size class cannot tell: others may be changing it.
    template <class T>
    bool has_room_for(std::uint64_t offset) const noexcept {
        return a_.in_pages(offset) && offset % alignof(T) == 0 &&
               sizeof(T) <= a_.size_bytes - offset;
    }

    bool add_listed(std::uint64_t offset) {
        if (!is_block<box>(offset, magic_box)) {
            complain("a pipe or a tap lies in no block");
            return false;
        }
        report_.system_bytes += space_bytes(a_, offset);
        check_in_use(offset, "the memory of a pipe or a tap");
        follow_chunks(*a_.at<box>(offset), report_.system_bytes);
        return true;
    }

    /// A block that a lane has set aside must not be free in a bitmap, nor be set aside twice.
    void visit_heaps() {
        const auto visit = [this](std::uint64_t offset) {
            check_in_use(offset, "a block that a lane has set aside");
            set_aside_.insert(offset);
        };
        for (std::uint32_t l = 0; l < a_.lane_count; ++l) for_each_set_aside(a_, a_.heap(l), visit);
    }

    void visit_processes() {
        for (std::uint32_t s = 0; s < a_.lane_count; ++s) {
            const process_slot& slot = a_.slot(s);
            const std::uint32_t state = slot.state.load();
            if (state == process_slot::free) continue;
            const bool dead = is_dead_(s);
            has_dead_ = has_dead_ || dead;
            // A family's slot is no process, but its references count. When all its children have
            // slots of their own, the family's slot awaits recovery, although nobody has died.
            if (state != process_slot::family)
                (dead ? report_.dead_processes : report_.living_processes)
                    .push_back(slot.pid.load());
            else if (dead)
                ++report_.ended_families;
            else
                report_.parents.push_back(slot.pid.load());
            visit_ledger(slot, dead);
        }
    }

    void visit_ledger(const process_slot& slot, bool dead) {
        const ledger_state ledger(slot);
        std::size_t left = std::size_t{a_.page_count} * 64;
        for (std::uint64_t o = ledger.newest; o != 0; o = a_.at<ledger_block>(o)->next) {
            if (left-- == 0 || !is_block<ledger_block>(o, magic_ledger)) {
                // Its process may be detaching, or be under repair, during this look.
                if (!ledger.has_changed(slot)) complain("a process's ledger has an invalid link");
                return;
            }
            report_.system_bytes += space_bytes(a_, o);
            check_in_use(o, "a ledger's memory");
            for (const auto& entry : a_.at<ledger_block>(o)->entries)
                if (const std::uint64_t held = entry.load(std::memory_order_acquire))
                    visit(held, dead, "a process's ledger");
        }
    }

    void visit(std::uint64_t offset, bool by_the_dead, const char* from) {
        if (!is_block<box>(offset, magic_box)) {
            // The last thing that a dead process wrote may be invalid.
            if (!by_the_dead)
                complain(std::string(from) + " refers to something that is no box, at " +
                         std::to_string(offset));
            return;
        }
        if (const auto pipe = pipes_.find(offset); pipe != pipes_.end()) {
            ++(by_the_dead ? pipe->second.dead : pipe->second.expected);
            return;
        }
        const auto [place, is_new] = boxes_.try_emplace(offset);
        ++(by_the_dead ? place->second.dead : place->second.expected);
        ++report_.references;
        if (is_new) work_.push_back(offset);
    }

    void follow() {
        while (!work_.empty()) {
            box& b = *a_.at<box>(work_.back());
            const std::uint64_t offset = work_.back();
            work_.pop_back();
            ++report_.boxes;
            if (b.self != offset) complain_of(b, "header names another offset");
            if (b.poisoned.load()) ++report_.poisoned;
            reachable_bytes_ += space_bytes(a_, offset);
            check_in_use(offset, "a box's memory");
            follow_chunks(b, reachable_bytes_);
            follow_references(b);
            if (has_packets(b) && b.self == offset) count_packets_in(b);
        }
    }

    void follow_chunks(const box& b, std::size_t& bytes) {
        std::size_t left = std::size_t{a_.page_count} * 1024;
        for (std::uint64_t c = b.chunks.load(std::memory_order_acquire); c != 0;
             c = a_.at<chunk>(c)->next.load(std::memory_order_acquire)) {
            if (left-- == 0 || !is_block<chunk>(c, magic_chunk))
                return complain_of(b, "list of chunks has an invalid link");
            bytes += space_bytes(a_, c);
            check_in_use(c, "a chunk's memory");
        }
    }

    void follow_references(const box& b) {
        std::size_t left = std::size_t{a_.page_count} * 4096;
        for (std::uint64_t n = b.out_refs.load(std::memory_order_acquire); n != 0;
             n = a_.at<out_ref>(n)->next.load(std::memory_order_acquire)) {
            if (left-- == 0 || !has_room_for<out_ref>(n) || a_.at<out_ref>(n)->self != n)
                return complain_of(b, "list of references has an invalid link");
            visit(a_.at<out_ref>(n)->target, false, "a box");
        }
    }

    void compare_counts() {
        compare_counts(boxes_, "the box at ");
        compare_counts(pipes_, "the pipe at ");
    }

    using seen_boxes = std::unordered_map<std::uint64_t, seen_box>;
    void compare_counts(const seen_boxes& boxes, const char* what) {
        for (const auto& [offset, seen] : boxes) {
            const std::size_t counted = a_.at<box>(offset)->refs.load();
            // Dead processes leave counts too high until recovery, but never too low.
            const bool too_low = counted < seen.expected;
            const bool too_high = counted > seen.expected + seen.dead && !has_dead_;
            if (too_low || too_high)
                complain(std::string(is_tap(offset) ? "the tap at " : what) +
                         std::to_string(offset) + " has a count of " + std::to_string(counted) +
                         ", but " + std::to_string(seen.expected) + " references lead to it");
        }
    }

    /// Whether the bitmaps agree that a block is in use.
    void check_in_use(std::uint64_t offset, const char* what) {
        const std::uint32_t p = a_.page_of(offset);
        const std::uint32_t kind = a_.page(p).kind.load();
        if (kind == page_entry::run_head || kind == page_entry::free || kind > size_class_count)
            return;
        const std::uint32_t i = block_index_of.index(offset - a_.page_start(p), kind - 1);
        const std::uint64_t bit = std::uint64_t{1} << (i % 64);
        if ((a_.page(p).words()[i / 64].load() & bit) != 0 || set_aside_.contains(offset))
            complain(std::string(what) + " at " + std::to_string(offset) + " is free");
    }

    void add_up_raw() {
        for (std::uint32_t p = 0; p < a_.page_count; ++p)
            for_each_used_space(a_, p, [this](std::uint64_t offset) { add_raw(offset); });
    }

    void add_raw(std::uint64_t offset) {
        const auto& header = *a_.at<raw_header>(offset);
        if (raw_header::magic_in(header.mark.load()) != magic_raw) return;
        report_.raw_bytes += space_bytes(a_, offset);
        check_in_use(offset, "raw memory");
    }

    void compare_bytes() {
        const std::size_t known = report_.system_bytes + report_.raw_bytes + reachable_bytes_;
        if (report_.used_bytes > known) report_.leaked_bytes = report_.used_bytes - known;
        if (report_.used_bytes < known)
            complain(std::to_string(known) + " bytes are in use, but only " +
                     std::to_string(report_.used_bytes) + " are marked as used");
        const std::size_t counted = a_.system_bytes.load();
        if (counted != report_.system_bytes && !has_dead_)
            complain("pipes, taps and ledgers have " + std::to_string(report_.system_bytes) +
                     " bytes, but the pool counts " + std::to_string(counted));
    }

    arena& a_;
    const death_test& is_dead_;
    pool_report report_;
    seen_boxes boxes_;
    seen_boxes pipes_;  // those in the directory, and taps
    std::unordered_set<std::uint64_t> set_aside_;
    std::vector<std::uint64_t> work_;
    std::size_t reachable_bytes_ = 0;
    bool has_dead_ = false;  // or a family's slot without children
};

using texts = boost::container::vector<std::string>;

void keep_common(texts& problems, const texts& others) {
    const auto is_new = [&](const std::string& problem) {
        return std::find(others.begin(), others.end(), problem) == others.end();
    };
    problems.erase(std::remove_if(problems.begin(), problems.end(), is_new), problems.end());
}

}  // namespace

namespace {
pool_report report_on(const arena& a, const checker::death_test& is_dead) {
    // If many processes open and close a pipe, each of a few looks can catch it between two steps,
    // and by chance with the same numbers. Hence so many looks.
    constexpr int looks = 16;
    pool_report report = checker(a, is_dead).run();
    for (int i = 1; i < looks && !report.is_sound(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        pool_report next = checker(a, is_dead).run();
        keep_common(next.problems, report.problems);
        report = std::move(next);
    }
    if (a.entrance.closed.load() != 0) {
        report.repairing_process = pid_of_slot(a, a.entrance.recoverer.load());
        report.problems.clear();  // a repair counts anew
    }
    report.delaying_process = pid_of_slot(a, a.entrance.foiled_by.load());
    return report;
}

}  // namespace

pool_report check(const StreamingPool& pool) {
    const arena& a = arena_of(pool);
    const attachment_user user = find_attachment(a);
    return report_on(a, [&](std::uint32_t slot) {
        return user && user->notices_deaths() && is_dead(*user.get(), slot);
    });
}

pool_report detail::check(const monitored_pool& seen) {
    return report_on(seen.pool(), [&](std::uint32_t slot) { return seen.is_dead(slot); });
}

pool_report check(const std::string& name) { return detail::check(monitored_pool(name)); }

pool_report check(const StreamingPool* pool) {
    if (!pool) throw std::logic_error("check: no pool was given");
    return check(*pool);
}

std::ostream& operator<<(std::ostream& out, const pool_report& r) {
    out << r.used_bytes << " of " << r.total_bytes << " bytes in use: " << r.boxes
        << " shared values, " << r.references << " references, " << r.packets << " packets in "
        << r.queues << " queues, " << r.raw_bytes << " bytes raw, " << r.system_bytes
        << " bytes of bookkeeping";
    if (r.taps != 0) out << ", " << r.taps << " taps";
    out << "\n";
    out << r.living_processes.size() << " processes attached";
    if (!r.dead_processes.empty()) out << ", " << r.dead_processes.size() << " dead";
    if (!r.parents.empty())
        out << "; forked children of " << r.parents.size()
            << " processes hold values, but have not used the pool yet";
    if (r.ended_families != 0)
        out << "; what forked children of " << r.ended_families
            << " processes held awaits recovery";
    if (r.repairing_process != 0) out << "; process " << r.repairing_process << " is repairing it";
    if (r.delaying_process != 0)
        out << "; process " << r.delaying_process << " is in an operation and delays the repair";
    if (r.leaked_bytes != 0) out << "; " << r.leaked_bytes << " bytes await recovery";
    if (r.poisoned != 0) out << "; " << r.poisoned << " values are poisoned";
    out << "\n";
    for (const std::string& problem : r.problems) out << "PROBLEM: " << problem << "\n";
    return out;
}

}  // namespace valpool
