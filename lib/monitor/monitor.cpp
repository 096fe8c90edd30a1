#include <valpool/monitor/monitor.hpp>

#include "alloc/slab.hpp"
#include "boot/pool_access.hpp"
#include "monitor/monitored_pool.hpp"
#include "monitor/packet_reader.hpp"
#include "monitor/seen_pipe.hpp"
#include "monitor/seen_processes.hpp"
#include "process/retirement.hpp"
#include "process/slot.hpp"
#include "queue/flow.hpp"
#include "queue/taps.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

namespace valpool {

using namespace detail;

struct Monitor::state {
    monitored_pool seen;

    explicit state(const std::string& name) : seen(name) {}
};

Monitor::Monitor(const std::string& pool) : self_(std::make_unique<state>(pool)) {}
Monitor::~Monitor() = default;
Monitor::Monitor(Monitor&&) noexcept = default;
Monitor& Monitor::operator=(Monitor&&) noexcept = default;

pool_report Monitor::report() const { return detail::check(self_->seen); }

boost::container::vector<process_status> Monitor::processes() const {
    return look_at_processes(self_->seen);
}

// --- the pool ----------------------------------------------------------------------------------

namespace {

double seconds_of(const statx_timestamp& t) noexcept {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// What the file system says of the pool's file.
void add_file(const pool_file& file, pool_status& found) {
    struct statx its {};
    if (statx(file.fd(), "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &its) != 0) return;
    found.file_bytes = its.stx_size;
    found.owner_uid = its.stx_uid;
    found.mode = its.stx_mode & 07777U;
    // Where the file system keeps no time of birth: the last change of the file's name or mode.
    const bool has_birth = (its.stx_mask & STATX_BTIME) != 0;
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const double made_s = seconds_of(has_birth ? its.stx_btime : its.stx_ctime);
    found.age_s = std::max(
        0.0, static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9 - made_s);
}

void add_memory(const arena& a, pool_status& found) {
    found.total_bytes = all_space(a);
    found.used_bytes = used_space(a);
    found.system_bytes = a.system_bytes.load(std::memory_order_relaxed);
    const std::size_t largest =
        std::max(largest_free_block(a), longest_free_run(a) << a.page_shift);
    found.biggest_free_bytes = largest - std::min(largest, a.raw_header_bytes());
}

void add_users(const monitored_pool& seen, pool_status& found) {
    const arena& a = seen.pool();
    found.main_pid = pid_of_slot(a, a.main_slot.load());
    found.has_main = seen.file().is_locked_by_another(main_role);
    found.is_used = is_in_use(seen.file(), a);
    found.is_kept = a.kept.load() != 0;
    found.is_retired = is_retired(a);
    found.has_name = is_named(seen.file(), seen.name());
    found.recoveries = a.entrance.recoveries.load();
    if (a.entrance.closed.load() != 0)
        found.repairing_pid = pid_of_slot(a, a.entrance.recoverer.load());
    found.delaying_pid = pid_of_slot(a, a.entrance.foiled_by.load());
    found.thread_places = a.lane_count;
    for (std::uint32_t i = 0; i < a.lane_count; ++i) {
        if (a.lane_at(i).owner.load(std::memory_order_relaxed) != 0) ++found.threads;
        if (a.slot(i).state.load() != process_slot::attached) continue;
        ++(seen.is_dead(i) ? found.dead_processes : found.living_processes);
    }
}

}  // namespace

pool_status Monitor::pool() const {
    const monitored_pool& seen = self_->seen;
    pool_status found;
    found.pipes = seen_pipes(seen.pool()).size();
    found.taps = taps().size();
    found.name = seen.name();
    found.asked_bytes = seen.boot().pool_bytes;
    add_file(seen.file(), found);
    add_memory(seen.pool(), found);
    add_users(seen, found);
    return found;
}

// --- memory ------------------------------------------------------------------------------------

namespace {

std::size_t free_blocks(const arena& a, std::uint32_t page, unsigned size_class) noexcept {
    std::size_t free = 0;
    for (std::uint32_t w = 0; w < a.words_per_page; ++w)
        free += static_cast<std::size_t>(std::popcount(
            a.page(page).words()[w].load(std::memory_order_relaxed) & a.valid_bits(size_class, w)));
    return free;
}

/// By size class, and behind them what larger things have.
using memory_table = std::vector<memory_class>;

memory_table empty_table() {
    memory_table table(size_class_count + 1);
    for (unsigned c = 0; c < size_class_count; ++c) table[c].block_bytes = class_size(c);
    return table;
}

void add_page(const arena& a, std::uint32_t page, memory_table& table) {
    const std::uint32_t kind = a.page(page).kind.load(std::memory_order_acquire);
    if (kind == page_entry::run_head) {
        memory_class& runs = table[size_class_count];
        const std::size_t bytes =
            std::min(space_bytes(a, a.page_start(page)), a.size_bytes - a.page_start(page));
        ++runs.blocks;
        ++runs.used_blocks;
        runs.used_bytes += bytes;
        runs.pages_bytes += bytes;
        return;
    }
    if (kind == page_entry::free || kind > size_class_count) return;
    memory_class& its = table[kind - 1];
    const std::size_t blocks = a.blocks_per_page(kind - 1);
    its.pages_bytes += a.page_bytes();
    its.blocks += blocks;
    its.used_blocks += blocks - std::min(blocks, free_blocks(a, page, kind - 1));
}

/// Blocks that a thread has set aside are marked as used in their pages.
void subtract_set_aside(const arena& a, memory_table& table) {
    for (std::uint32_t i = 0; i < a.lane_count; ++i)
        for_each_set_aside(a, a.heap(i), [&](std::uint64_t offset) {
            const std::uint32_t kind = a.page(a.page_of(offset)).kind.load();
            if (kind == page_entry::free || kind > size_class_count) return;
            if (table[kind - 1].used_blocks != 0) --table[kind - 1].used_blocks;
        });
}

}  // namespace

boost::container::vector<memory_class> Monitor::memory() const {
    const arena& a = self_->seen.pool();
    memory_table table = empty_table();
    for (std::uint32_t page = 0; page < a.page_count; ++page) add_page(a, page, table);
    subtract_set_aside(a, table);
    boost::container::vector<memory_class> found;
    for (memory_class& its : table) {
        if (its.block_bytes != 0) its.used_bytes = its.used_blocks * its.block_bytes;
        if (its.pages_bytes != 0) found.push_back(its);
    }
    return found;
}

// --- pipes -------------------------------------------------------------------------------------

namespace {

/// The pids of lanes + 1.
boost::container::vector<int> pids_of(const arena& a, const std::vector<std::uint32_t>& lanes) {
    boost::container::vector<int> pids;
    for (const std::uint32_t lane : lanes)
        pids.push_back(pid_of_slot(a, a.lane_at(lane - 1).owner.load(std::memory_order_relaxed)));
    return pids;
}

void add_leases(const arena& a, const seen_pipe& p, pipe_status& found) {
    const auto now_us = static_cast<std::uint64_t>(steady_now_ns() / 1000);
    for (const seen_pipe::lease& l : p.leases()) {
        if (l.state.can_be_delivered(now_us)) {
            ++found.returned_packets;
        } else if (l.state.what() == lease_state::leased) {
            ++found.leased_packets;
            found.lease_holders.push_back(pid_of_slot(a, l.state.slot() + 1));
        }
    }
}

void add_depth(const arena& a, const seen_pipe& p, pipe_status& found) {
    for (const auto& packet : p.waiting(p.capacity() + found.returned_packets)) {
        ++found.depth_packets;
        if (is_box(a, packet.box_offset)) found.waiting_bytes += box_bytes(a, packet.box_offset);
    }
}

pipe_status status_of(const arena& a, const seen_pipe& p) {
    pipe_status found;
    found.name = p.name();
    found.capacity_packets = p.capacity();
    found.is_temporary = p.is_temporary();
    add_up_records(a, p.live(), found.counters);
    const passed_packets passed = p.passed();
    found.counters.packets_in = passed.in;
    found.counters.packets_out = passed.out;
    const last_passes last = last_passes_of(a, p.live());
    found.last_writer_pid = last.in.pid();
    found.last_reader_pid = last.out.pid();
    found.waiting_writers = pids_of(a, p.sleepers(p.live().producers, p.live().room_topic()));
    found.waiting_readers = pids_of(a, p.sleepers(p.live().consumers, p.live().packet_topic()));
    found.taps = p.live().attention.load(std::memory_order_relaxed) >> attention_tap_shift;
    add_leases(a, p, found);
    add_depth(a, p, found);
    return found;
}

}  // namespace

boost::container::vector<pipe_status> Monitor::pipes() const {
    const arena& a = self_->seen.pool();
    boost::container::vector<pipe_status> found;
    for (const seen_pipe& p : seen_pipes(a)) found.push_back(status_of(a, p));
    std::sort(found.begin(), found.end(),
              [](const pipe_status& x, const pipe_status& y) { return x.name < y.name; });
    return found;
}

boost::container::vector<tap_status> Monitor::taps() const {
    const arena& a = self_->seen.pool();
    boost::container::vector<tap_status> found;
    std::unordered_set<std::uint64_t> met;  // in a list that is changed, or damaged, it may circle
    for (std::uint64_t o = a.taps.load(std::memory_order_acquire); o != 0;) {
        const tap* const t = tap_at(a, o);
        if (!t || !met.insert(o).second) break;
        tap_status its;
        its.pipe.assign(t->name, strnlen(t->name, sizeof t->name));
        its.pid = pid_of_slot(a, static_cast<std::uint32_t>(t->owner.load()));
        its.depth_packets = t->depth;
        its.is_connected = t->is_connected();
        found.push_back(its);
        o = t->next.load(std::memory_order_acquire);
    }
    return found;
}

// --- packets -----------------------------------------------------------------------------------

namespace {

/// Others take and change packets all the time. A packet that was being changed is looked at again.
look_result look_again(const arena& a, const seen_pipe::waiting_packet& packet,
                       std::size_t& budget_bytes, Val& out) {
    constexpr int looks = 8;
    look_result result = look_result::changing;
    for (int i = 0; i < looks && result == look_result::changing && packet.waits_still(); ++i) {
        out.reset();
        result = copy_packet(a, packet.box_offset, budget_bytes, out);
    }
    return packet.waits_still() ? result : look_result::changing;
}

}  // namespace

peeked_packets Monitor::peek(const std::string& pipe, std::size_t most_packets,
                             std::size_t most_bytes) const {
    const arena& a = self_->seen.pool();
    const std::vector<seen_pipe> pipes = seen_pipes(a);
    const auto p = std::find_if(pipes.begin(), pipes.end(),
                                [&](const seen_pipe& its) { return its.name() == pipe; });
    if (p == pipes.end())
        throw std::out_of_range("memory pool '" + self_->seen.name() + "' has no pipe '" + pipe +
                                "'");
    peeked_packets found;
    const auto waiting = p->waiting(p->capacity() + a.lane_count);
    found.waiting = waiting.size();
    for (std::size_t i = 0; i < std::min(waiting.size(), most_packets); ++i) {
        Val packet;
        switch (look_again(a, waiting[i], most_bytes, packet)) {
            case look_result::good: found.packets.push_back(packet); break;
            case look_result::changing: ++found.unreadable; break;
            case look_result::too_large: ++found.too_large; break;
        }
    }
    return found;
}

}  // namespace valpool
