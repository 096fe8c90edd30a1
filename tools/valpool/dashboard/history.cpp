#include "dashboard/history.hpp"

#include "cut_files.hpp"

#include <exception>
#include <utility>

namespace tool::dashboard {

using namespace valpool;

namespace {

constexpr std::chrono::seconds between_looks{1};
constexpr std::chrono::minutes longest{10};
/// Of more pipes than these, a pool's history keeps the first.
constexpr std::size_t most_pipes = 1000;
constexpr std::size_t most_pools = 100;

}  // namespace

history::history() : thread_([this] { run(); }) {}

history::~history() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
    }
    thread_.join();
}

void history::run() {
    for (;;) {
        const clock::time_point began = clock::now();
        try {
            look_at_all();
        } catch (const std::exception&) {
            // No memory, or no /dev/shm: next time, perhaps.
        }
        // In short naps, so that the end does not take long.
        do {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            const std::lock_guard lock(mutex_);
            if (ends_) return;
        } while (clock::now() - began < between_looks);
    }
}

void history::look_at_all() {
    std::map<std::string, watch> watches;
    for (const std::string& name : Monitor::names().pools) {
        if (watches.size() == most_pools) break;
        watch& its = watches[name] = std::move(watches_[name]);
        try {
            const look here;
            const Monitor pool(name);
            moment now = look_at(pool, its.pipes);
            look_at_processes(pool, name, its);
            here.expect_whole(name);
            const std::lock_guard lock(mutex_);
            std::deque<moment>& kept = pools_[name];
            kept.push_back(std::move(now));
            while (kept.back().when - kept.front().when > longest) kept.pop_front();
        } catch (const std::exception&) {
            // It has gone just now, or is damaged: what is known of it stays.
        }
    }
    watches_ = std::move(watches);
    const std::lock_guard lock(mutex_);
    const auto has_gone = [&](const auto& pool) { return watches_.count(pool.first) == 0; };
    std::erase_if(pools_, has_gone);
    std::erase_if(held_for_, has_gone);
}

/// What a look costs grows with the values that the processes hold: it takes a twentieth of the
/// time at most.
void history::look_at_processes(const Monitor& pool, const std::string& name, watch& its) {
    constexpr int share = 20;
    const clock::time_point began = clock::now();
    if (began < its.next_look_at_processes) return;
    its.held.take(pool.processes(), began);
    its.next_look_at_processes = began + share * (clock::now() - began);
    const std::lock_guard lock(mutex_);
    held_for_[name] = its.held.held_for();
}

std::map<int, held_time> history::held_for(const std::string& pool) const {
    const std::lock_guard lock(mutex_);
    const auto found = held_for_.find(pool);
    return found == held_for_.end() ? std::map<int, held_time>() : found->second;
}

moment history::look_at(const Monitor& pool, pipe_sampler& sampler) {
    moment now;
    now.when = clock::now();
    now.used_bytes = pool.pool().used_bytes;
    sampler.take(pool);
    for (const pipe_status& p : sampler.pipes()) {
        if (now.pipes.size() == most_pipes) break;
        const pipe_rates* const known = sampler.rates(p.name);
        const pipe_rates its = known ? *known : pipe_rates();
        now.pipes[p.name] = {static_cast<float>(p.depth_packets), static_cast<float>(its.in),
                             static_cast<float>(its.out)};
        now.in += its.in;
        now.out += its.out;
    }
    return now;
}

bool history::find_rates(const std::string& pool, const std::string& pipe, pipe_rates& into) const {
    const std::lock_guard lock(mutex_);
    const auto found = pools_.find(pool);
    if (found == pools_.end() || found->second.size() < 2) return false;
    const auto& pipes = found->second.back().pipes;
    const auto its = pipes.find(pipe);
    if (its == pipes.end()) return false;
    into = {its->second.in, its->second.out};
    return true;
}

OTab history::as_json(const std::string& pool, const std::string& pipe) const {
    Arr before_s, used_bytes, in, out, pipe_depth, pipe_in, pipe_out;
    {
        const std::lock_guard lock(mutex_);
        const auto found = pools_.find(pool);
        const clock::time_point now = clock::now();
        if (found != pools_.end()) {
            for (const moment& m : found->second) {
                before_s.append(Val(std::chrono::duration<double>(now - m.when).count()));
                used_bytes.append(Val(static_cast<std::uint64_t>(m.used_bytes)));
                in.append(Val(m.in));
                out.append(Val(m.out));
                if (pipe.empty()) continue;
                const auto its = m.pipes.find(pipe);
                const bool is_there = its != m.pipes.end();
                pipe_depth.append(is_there ? Val(double{its->second.depth}) : Val());
                pipe_in.append(is_there ? Val(double{its->second.in}) : Val());
                pipe_out.append(is_there ? Val(double{its->second.out}) : Val());
            }
        }
    }
    OTab t;
    t["before_s"] = before_s;
    t["used_bytes"] = used_bytes;
    t["in_per_s"] = in;
    t["out_per_s"] = out;
    if (!pipe.empty()) {
        OTab its;
        its["depth_packets"] = pipe_depth;
        its["in_per_s"] = pipe_in;
        its["out_per_s"] = pipe_out;
        t["pipe"] = its;
    }
    return t;
}

}  // namespace tool::dashboard
