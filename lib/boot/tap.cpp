#include <valpool/boot/tap.hpp>

#include "base/system_error.hpp"
#include "boot/pool_access.hpp"
#include "queue/directory.hpp"
#include "queue/tap_reader.hpp"

#include <stdexcept>

namespace valpool {

using namespace detail;

/// The tap goes before the access to the pool.
struct Tap::state {
    pool_access access;
    tap_reader reader;

    state(pool_access its_pool, const tap_order& order)
        : access(std::move(its_pool)), reader(access.pool(), order) {}
};

namespace {
pool_access attach_to_tap(const std::string& pool, const tap_order& order) {
    check_pipe_name(order.pipe);
    if (order.depth == 0) throw std::logic_error("a tap's depth must be at least one packet");
    pool_access access = attach_by_name(checked_pool_name(pool), nullptr);
    if (!access) throw std::runtime_error("there is no memory pool " + quoted(pool) + " to tap");
    if (access.pool().size_bytes > tap_reference::largest_pool)
        throw std::runtime_error(subject_of(pool) + " is too large to be tapped");
    return access;
}
}  // namespace

Tap::Tap(const std::string& pool, const std::string& pipe, std::size_t depth,
         std::size_t most_bytes) {
    const tap_order order{pipe, depth, most_bytes};
    self_ = std::make_unique<state>(attach_to_tap(pool, order), order);
}
Tap::~Tap() = default;
Tap::Tap(Tap&&) noexcept = default;
Tap& Tap::operator=(Tap&&) noexcept = default;

bool Tap::next(double timeout_s, Val& out) {
    return self_->reader.next(deadline::of_time_out(timeout_s), out);
}
std::uint64_t Tap::missed() const noexcept { return self_->reader.missed(); }
std::size_t Tap::depth() const noexcept { return self_->reader.depth(); }

}  // namespace valpool
