#pragma once

/// What --json prints. docs/tools.md lists the names.

#include "diagnosis.hpp"
#include "look.hpp"

#include <valpool/array.hpp>
#include <valpool/json.hpp>
#include <valpool/monitor.hpp>
#include <valpool/tab.hpp>

#include <string>

namespace tool {

/// A name for JSON, which knows only UTF-8: what is not, or has a backslash, is as in shown(), so
/// that two names are never written alike.
valpool::Val json_name(const std::string& name);
/// A sentence for JSON.
valpool::Val json_text(const std::string& text);
/// A number, or null for what is not known: negative or not finite.
valpool::Val json_known(double number);
/// 0: null.
valpool::Val json_pid(int pid);
/// Prints it as one line.
void print_json(const valpool::Val& value);

valpool::OTab json_of(const valpool::pool_status& p);
valpool::OTab json_of(const valpool::memory_class& m);
valpool::OTab json_of(const valpool::pipe_status& p);
valpool::OTab json_of(const valpool::process_status& p);
valpool::OTab json_of(const valpool::tap_status& t);

valpool::OTab json_of(const finding& f);

/// The processes, with `held_for_s` and `held_for_is_least`.
valpool::Arr json_of_processes(const boost::container::vector<valpool::process_status>& processes,
                               const std::map<int, held_time>& held);

/// A list of pids.
template <class List>
valpool::Arr json_pids(const List& pids) {
    valpool::Arr all;
    for (const int pid : pids) all.append(json_pid(pid));
    return all;
}
/// The pools of this machine.
valpool::OTab json_of_pools(const std::vector<listed_pool>& pools,
                            const valpool::pool_names& names);
/// A pool with everything that is known of it. No rates: null.
valpool::OTab json_of_all(const valpool::Monitor& pool, const pool_picture& seen,
                          const rates_of& rates);

/// A list of such things.
template <class List>
valpool::Arr json_list(const List& list) {
    valpool::Arr all;
    for (const auto& item : list) all.append(valpool::Val(json_of(item)));
    return all;
}

}  // namespace tool
