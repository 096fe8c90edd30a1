#include <valpool/queue/idempotent_producer.hpp>

#include <valpool/object/detail/hold.hpp>

#include "base/system_error.hpp"
#include "process/fork.hpp"
#include "process/retirement.hpp"
#include "process/slot.hpp"
#include "queue/directory.hpp"
#include "queue/leases.hpp"
#include "queue/queue_core.hpp"
#include "queue/when_full.hpp"
#include "recovery/recovery.hpp"

#include <stdexcept>

namespace valpool {

using namespace detail;

namespace {

hold& hold_of_named_pipe(CQ& queue) {
    hold* const h = queue_access::core(queue).pipe_hold();
    if (!h || !is_named_queue(pipe_in(*h->target).root))
        throw std::logic_error("an IdempotentProducer needs a pipe with a name");
    return *h;
}

/// The pid of a source's owner; 0 when there is none any more.
long pid_of_owner(arena& a, const source_table& all, const source_id& id) noexcept {
    for (const source_entry& s : all) {
        const std::uint64_t owner = s.owner.load(std::memory_order_relaxed);
        if (s.id == id && owner != 0) return pid_of_slot(a, static_cast<std::uint32_t>(owner));
    }
    return 0;
}

[[noreturn]] void throw_owned(const std::string& source, long pid) {
    throw SourceTaken(
        "process " + std::to_string(pid) + " already writes for the source " + quoted(source), pid);
}

claimed_source claim(hold& pipe_hold, const std::string& source) {
    if (source.empty()) throw std::logic_error("a source needs a name");
    arena& a = *pipe_hold.at->pool;
    pipe& p = pipe_in(*pipe_hold.target);
    source_table& all = need_lease_table(p).sources;
    const source_id id = source_id_of(source);
    claimed_source mine{0, lane_of_thread(a).at->slot};
    claim_result result{};
    long owner = 0;
    const auto take = [&](lane_heap&) {
        result = claim_source(all, id, mine);
        if (result == claim_result::owned_by_other) owner = pid_of_owner(a, all, id);
    };
    if (!change_alone(*pipe_hold.at, take))
        throw PoolStalled("the source " + quoted(source) +
                          " cannot be claimed: a process is stopped inside an operation");
    if (result == claim_result::owned_by_other) throw_owned(source, owner);
    if (result == claim_result::all_owned)
        throw std::runtime_error("the pipe " + quoted(std::string(p.name_view())) + " has " +
                                 std::to_string(most_sources) + " sources that are in use already");
    return mine;
}

}  // namespace

struct IdempotentProducer::state {
    state(CQ& queue, const std::string& source)
        : core(queue_access::core(queue)),
          queue_(queue),
          pipe_hold(hold_of_named_pipe(queue)),
          mine(claim(pipe_hold, source)) {}
    ~state() {
        if (generation != fork_generation()) return;
        try {
            const maybe_inside pass(lane_of_thread(*pipe_hold.at->pool));
            if (pass) release_source(sources(), mine);
        } catch (const std::exception&) {
            // No lane for this thread: the source stays this process's until it ends.
        }
    }
    state(const state&) = delete;
    state& operator=(const state&) = delete;

    source_table& sources() const noexcept {
        return lease_table_of(pipe_in(*pipe_hold.target))->sources;
    }
    source_entry& entry() const noexcept { return sources()[mine.index]; }
    void check_process() const {
        if (generation != fork_generation())
            throw std::logic_error("an IdempotentProducer belongs to the process that made it");
    }
    std::uint64_t last() const {
        check_process();
        return entry().last.load(std::memory_order_acquire);
    }
    bool has_had_its_turn(std::uint64_t number) const {
        if (number == 0) throw std::logic_error("the number of a packet is 1 at least");
        return number <= last();
    }
    void skip(std::uint64_t number) const {
        if (has_had_its_turn(number)) return;
        const inside pass(lane_of_thread(*pipe_hold.at->pool));
        entry().last.store(number, std::memory_order_release);
    }
    bool enqueue(const Val& value, std::uint64_t number, WhenFull policy, deadline until) const {
        if (has_had_its_turn(number)) return true;
        // Its source would take the packet for delivered, and nobody reads it any more.
        if (is_retired(*pipe_hold.at->pool)) throw_retired(*pipe_hold.at->pool);
        const packet_number as{mine, number};
        Val packet = core.as_packet(value);
        const bool is_in =
            unless_broken(until, [&] { return put_with(core, packet, policy, until, &as); });
        if (!is_in && policy == WhenFull::DropNewest) skip(number);
        queue_access::settle(queue_);
        return is_in;
    }

    queue_core& core;
    CQ& queue_;
    hold& pipe_hold;
    claimed_source mine;
    std::uint32_t generation = fork_generation();
};

IdempotentProducer::IdempotentProducer(CQ& pipe, const std::string& source)
    : self_(std::make_unique<state>(pipe, source)) {}
IdempotentProducer::~IdempotentProducer() = default;
IdempotentProducer::IdempotentProducer(IdempotentProducer&& other) noexcept = default;
IdempotentProducer& IdempotentProducer::operator=(IdempotentProducer&& other) noexcept = default;

std::uint64_t IdempotentProducer::last() const { return self_->last(); }
bool IdempotentProducer::enqueue(const Val& value, std::uint64_t number, double timeout_s) {
    return self_->enqueue(value, number, WhenFull::Wait, deadline::of_time_out(timeout_s));
}
bool IdempotentProducer::enqueue(const Val& value, std::uint64_t number, WhenFull policy,
                                 double timeout_s) {
    return self_->enqueue(value, number, policy, deadline::of_time_out(timeout_s));
}
void IdempotentProducer::skip(std::uint64_t number) { self_->skip(number); }

}  // namespace valpool
