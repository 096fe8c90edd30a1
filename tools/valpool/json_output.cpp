#include "json_output.hpp"

#include "output.hpp"
#include "terminal.hpp"

#include <cmath>
#include <cstdint>

namespace tool {

using namespace valpool;

namespace {

template <class Integer>
Val count(Integer number) {
    return Val(static_cast<std::uint64_t>(number));
}

/// For who adds and removes fields.
void put(OTab& t, const char* name, const Val& value) { t[name] = value; }

}  // namespace

Val json_name(const std::string& name) {
    return name.find('\\') == std::string::npos ? json_text(name) : Val(shown(name));
}

Val json_text(const std::string& text) {
    try {
        static_cast<void>(to_json(Val(text)));
        return Val(text);
    } catch (const std::logic_error&) {
        return Val(shown(text));
    }
}

Val json_known(double number) { return std::isfinite(number) && number >= 0 ? Val(number) : Val(); }

Val json_pid(int pid) { return pid == 0 ? Val() : Val(pid); }

void print_json(const Val& value) { print(to_json(value) + "\n"); }

OTab json_of(const pool_status& p) {
    OTab t;
    put(t, "name", json_name(p.name));
    put(t, "asked_bytes", count(p.asked_bytes));
    put(t, "file_bytes", count(p.file_bytes));
    put(t, "total_bytes", count(p.total_bytes));
    put(t, "used_bytes", count(p.used_bytes));
    put(t, "system_bytes", count(p.system_bytes));
    put(t, "biggest_free_bytes", count(p.biggest_free_bytes));
    put(t, "age_s", json_known(p.age_s));
    put(t, "owner_uid", count(p.owner_uid));
    put(t, "mode", count(p.mode));
    put(t, "main_pid", json_pid(p.main_pid));
    put(t, "has_main", p.has_main);
    put(t, "is_used", p.is_used);
    put(t, "is_kept", p.is_kept);
    put(t, "is_retired", p.is_retired);
    put(t, "is_left_over", p.is_left_over());
    put(t, "has_name", p.has_name);
    put(t, "recoveries", count(p.recoveries));
    put(t, "repairing_pid", json_pid(p.repairing_pid));
    put(t, "delaying_pid", json_pid(p.delaying_pid));
    put(t, "pipe_count", count(p.pipes));
    put(t, "tap_count", count(p.taps));
    put(t, "living_processes", count(p.living_processes));
    put(t, "dead_processes", count(p.dead_processes));
    put(t, "thread_places", count(p.thread_places));
    put(t, "threads", count(p.threads));
    return t;
}

OTab json_of(const memory_class& m) {
    OTab t;
    put(t, "block_bytes", m.block_bytes == 0 ? Val() : count(m.block_bytes));
    put(t, "pages_bytes", count(m.pages_bytes));
    put(t, "blocks", count(m.blocks));
    put(t, "used_blocks", count(m.used_blocks));
    put(t, "used_bytes", count(m.used_bytes));
    return t;
}

OTab json_of(const pipe_status& p) {
    OTab t;
    put(t, "name", json_name(p.name));
    put(t, "capacity_packets", count(p.capacity_packets));
    put(t, "depth_packets", count(p.depth_packets));
    put(t, "waiting_bytes", count(p.waiting_bytes));
    put(t, "leased_packets", count(p.leased_packets));
    put(t, "returned_packets", count(p.returned_packets));
    put(t, "is_full", p.is_full());
    put(t, "is_temporary", p.is_temporary);
    put(t, "packets_in", count(p.counters.packets_in));
    put(t, "packets_out", count(p.counters.packets_out));
    put(t, "bytes_in", count(p.counters.bytes_in));
    put(t, "bytes_out", count(p.counters.bytes_out));
    put(t, "dropped", count(p.counters.dropped));
    put(t, "redelivered", count(p.counters.redelivered));
    put(t, "enqueue_waits", count(p.counters.enqueue_waits));
    put(t, "dequeue_waits", count(p.counters.dequeue_waits));
    put(t, "enqueue_wait_s", p.counters.enqueue_wait_s);
    put(t, "dequeue_wait_s", p.counters.dequeue_wait_s);
    put(t, "high_water", count(p.counters.high_water));
    put(t, "since_last_enqueue_s", json_known(p.counters.since_last_enqueue_s));
    put(t, "since_last_dequeue_s", json_known(p.counters.since_last_dequeue_s));
    put(t, "last_writer_pid", json_pid(p.last_writer_pid));
    put(t, "last_reader_pid", json_pid(p.last_reader_pid));
    put(t, "waiting_writers", Val(json_pids(p.waiting_writers)));
    put(t, "waiting_readers", Val(json_pids(p.waiting_readers)));
    put(t, "lease_holders", Val(json_pids(p.lease_holders)));
    put(t, "taps", count(p.taps));
    return t;
}

OTab json_of(const process_status& p) {
    OTab t;
    put(t, "pid", json_pid(p.pid));
    put(t, "is_alive", p.is_alive);
    put(t, "is_parent_of_holders", p.is_parent_of_holders);
    put(t, "name", json_name(p.name));
    put(t, "state", std::string(1, p.state));
    put(t, "running_s", json_known(p.running_s));
    put(t, "threads", count(p.threads));
    put(t, "threads_inside", count(p.threads_inside));
    put(t, "threads_waiting", count(p.threads_waiting));
    put(t, "held_boxes", count(p.held_boxes));
    put(t, "held_bytes", count(p.held_bytes));
    put(t, "raw_bytes", count(p.raw_bytes));
    put(t, "leased_packets", count(p.leased_packets));
    put(t, "since_last_packet_s", json_known(p.since_last_packet_s));
    Arr pipes;
    for (const std::string& name : p.open_pipes) pipes.append(json_name(name));
    put(t, "open_pipes", Val(pipes));
    return t;
}

OTab json_of(const tap_status& tap) {
    OTab t;
    put(t, "pipe", json_name(tap.pipe));
    put(t, "pid", json_pid(tap.pid));
    put(t, "depth_packets", count(tap.depth_packets));
    put(t, "is_connected", tap.is_connected);
    return t;
}

OTab json_of(const finding& f) {
    OTab t;
    put(t, "kind", f.kind);
    put(t, "text", json_text(f.text));
    put(t, "advice", f.advice.empty() ? Val() : json_text(f.advice));
    put(t, "pipe", f.pipe.empty() ? Val() : json_name(f.pipe));
    put(t, "pids", Val(json_pids(f.pids)));
    return t;
}

Arr json_of_processes(const boost::container::vector<process_status>& processes,
                      const std::map<int, held_time>& held) {
    Arr all;
    for (const process_status& p : processes) {
        OTab its = json_of(p);
        const held_time* const known = find_held(held, p);
        put(its, "held_for_s", known ? Val(known->seconds) : Val());
        put(its, "held_for_is_least", known ? Val(known->may_be_longer) : Val());
        all.append(Val(its));
    }
    return all;
}

OTab json_of_pools(const std::vector<listed_pool>& pools, const pool_names& names) {
    Arr all;
    for (const listed_pool& pool : pools) {
        if (pool.status) {
            all.append(Val(json_of(*pool.status)));
            continue;
        }
        OTab t;
        put(t, "name", json_name(pool.name));
        put(t, "problem", json_text(pool.problem));
        all.append(Val(t));
    }
    OTab result;
    put(result, "pools", Val(all));
    Arr unreadable;
    for (const std::string& name : names.unreadable) unreadable.append(json_name(name));
    put(result, "unreadable", Val(unreadable));
    return result;
}

OTab json_of_all(const Monitor& pool, const pool_picture& seen, const rates_of& rates) {
    OTab all = json_of(seen.pool);
    Arr pipes;
    for (const pipe_status& p : seen.pipes) {
        OTab its = json_of(p);
        const pipe_rates* const known = rates(p.name);
        put(its, "in_per_s", known ? Val(known->in) : Val());
        put(its, "out_per_s", known ? Val(known->out) : Val());
        pipes.append(Val(its));
    }
    put(all, "pipes", Val(pipes));
    put(all, "processes", Val(json_of_processes(seen.processes, seen.held_for)));
    put(all, "memory", Val(json_list(pool.memory())));
    put(all, "taps", Val(json_list(pool.taps())));
    put(all, "routes", Val(json_list(seen.routes)));
    return all;
}

}  // namespace tool
