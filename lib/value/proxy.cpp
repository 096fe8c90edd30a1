#include <valpool/value/proxy.hpp>

#include <valpool/base/error.hpp>
#include <valpool/value/detail/pack.hpp>

#include <valpool/object/detail/box_lock.hpp>

#include "base/cancellation.hpp"
#include "base/clock.hpp"
#include "process/fork.hpp"
#include "value/containers.hpp"
#include "value/table/shapes.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <type_traits>

#include <unistd.h>

namespace valpool {

using namespace detail;

namespace {
template <class V>
V&& checked_proxy(V&& v) {
    if (!v.isproxy) throw std::logic_error(value_access::description(v) + ", is not a proxy");
    return std::forward<V>(v);
}
}  // namespace

Proxy::Proxy(const Val& proxy) : handle_(checked_proxy(proxy)) {}
Proxy::Proxy(Val&& proxy) : handle_(checked_proxy(std::move(proxy))) {}

void Proxy::check_arguments(const void* container, bool shared) {
    if (!container) throw std::logic_error("Proxy: a null pointer");
    if (shared) throw std::logic_error("Proxy: use Shared(pool, ...) to share between processes");
}

std::size_t Proxy::refcount() const noexcept {
    if (!handle_.isproxy) return 0;
    if (const box* const b = value_access::target(handle_)) {
        // All handles of this process together count once in the box.
        return b->refs.load(std::memory_order_relaxed) - 1 +
               value_access::hold_of(handle_)->handles.load(std::memory_order_relaxed);
    }
    return value_access::block_of(handle_)->handles.load(std::memory_order_relaxed);
}

void Proxy::clear() {
    const auto empty = [](auto& content) {
        using C = std::remove_reference_t<decltype(content)>;
        if constexpr (std::is_same_v<C, Tup>)
            content = Tup();
        else
            content.clear();
    };
    box* const b = value_access::target(handle_);
    if (!b || !must_be_reset(*b)) {
        visit_container(handle_.tag, handle_.subtype, value_access::container(handle_), empty);
        return;
    }
    // Of a poisoned box only the header can be trusted. So the old root is not destroyed; a new one
    // is constructed in its place.
    visit_container(handle_.tag, handle_.subtype, b->root(), [b](auto& content) {
        using C = std::remove_reference_t<decltype(content)>;
        reset_box(*b, sizeof(C), [](box& in) { new (in.root()) C(detail::allocator<char>(&in)); });
    });
}

Val::Val(const Proxy& p) : Val(p.val()) {}

std::ostream& operator<<(std::ostream& out, const Proxy& p) { return out << p.val(); }

namespace {
/// A table that is known to need a larger first chunk allocates that by itself.
constexpr std::size_t largest_first_chunk_bytes = 4096;

/// An empty table gets room for its first entries in the same block.
template <class T>
[[gnu::noinline]] Proxy share_empty_table(StreamingPool* pool) {
    arena* const a = static_cast<arena*>(pool);
    if (const shape* const s = a ? shapes.to_begin_root(*a) : nullptr)
        return share_root<T>(pool, container_tags<T>::tag, 'Z', table::size_as_root(*s),
                             [=](box* b, void* place) { new (place) T(b, *s); });
    shapes.miss();
    const std::uint32_t capacity = table::usual_first_capacity(pool);
    return share_root<T>(pool, container_tags<T>::tag, 'Z', table::size_as_root(capacity),
                         [=](box* b, void* place) { new (place) T(b, capacity); });
}

template <class T>
[[gnu::always_inline]] inline Proxy share_table(StreamingPool* pool, const T& t) {
    if (t.isEmpty()) return share_empty_table<T>(pool);
    const table::as_root how = {pool ? t.keys_to_share(pool) : nullptr};
    const root_size size = t.size_of_copy_as_root(how.shared_keys);
    if (size.first_chunk_bytes > largest_first_chunk_bytes) return make_shared(pool, t);
    return share_root<T>(pool, container_tags<T>::tag, 'Z', size,
                         [&t, how](box* b, void* place) { new (place) T(t, b, how); });
}
}  // namespace

Proxy Shared(StreamingPool* pool, const Tab& t) { return share_table(pool, t); }
Proxy Shared(StreamingPool* pool, const OTab& t) { return share_table(pool, t); }
Proxy Shared(StreamingPool* pool, const Tup& t) { return make_shared(pool, t); }
Proxy Shared(StreamingPool* pool, const Proxy& p) { return share_content(pool, p.val()); }

namespace detail {

hold* new_root(StreamingPool* pool, root_size size) {
    if (!pool) throw std::logic_error("Shared: no pool was given");
    return create_box(*pool, size);
}

Proxy finish_root(hold* h, char tag, char subtype) {
    h->target->root_tag = tag;
    h->target->root_subtype = subtype;
    Proxy p{Proxy::of_nothing()};
    value_access::adopt_hold(p.val(), h, tag, subtype);
    return p;
}

Proxy share_content(StreamingPool* pool, const Val& v) {
    if (!is_container(v.tag))
        throw std::logic_error("Shared: " + value_access::description(v) + ", is not a container");
    return visit_container(v.tag, v.subtype, value_access::container(v), [&](auto& content) {
        using C = std::remove_reference_t<decltype(content)>;
        if constexpr (std::is_base_of_v<table, C>)
            return share_table(pool, content);
        else
            return make_shared(pool, content);
    });
}

hold* pack(const Val& v, StreamingPool& pool) {
    if (const box* const b = value_access::target(v)) {
        if (pool_of(*b) == &pool) {
            if (value_access::region(v)) return hold_box(const_cast<box&>(*b));
            add_handle(*value_access::hold_of(v));
            return value_access::hold_of(v);
        }
    }
    const auto kept = [](const Proxy& p) {
        hold* const h = value_access::hold_of(p.val());
        add_handle(*h);
        return h;
    };
    if (is_container(v.tag)) return kept(share_content(&pool, v));
    return kept(
        share_root<Val>(&pool, value_root_tag, 'Z', {sizeof(Val)},
                        [&v](box* b, void* place) { new (place) Val(v, allocator<char>(b)); }));
}

hold* pack(Val&& v, StreamingPool& pool) {
    const box* const b = value_access::target(v);
    if (!b || pool_of(*b) != &pool || value_access::region(v))
        return pack(static_cast<const Val&>(v), pool);
    return value_access::release_hold(v);
}

namespace {
/// Copies the content to `out` and leaves the handle as it is.
void unpack_copy(hold& h, Val& out) {
    if (h.target->root_tag == value_root_tag) {
        out = *static_cast<const Val*>(h.target->root());
        return;
    }
    Val proxy;
    add_handle(h);
    value_access::adopt_hold(proxy, &h);
    out = proxy;
}
}  // namespace

void unpack(hold* h, Val& out) {
    if (h->target->root_tag != value_root_tag && !value_access::region(out)) {
        if (!out.isNone()) out.reset();
        value_access::adopt_hold(out, h);
        return;
    }
    unpack_copy(*h, out);
    drop_handle(h);
}

}  // namespace detail

namespace {

/// A handle of the value if it has a lock, else None. std::logic_error when it is not a proxy.
Val kept_while_locked(const Val& v) {
    if (!v.isproxy)
        throw std::logic_error("TransactionLock: " + value_access::description(v) +
                               ", is not a proxy");
    return value_access::has_lock(v) ? Val(v) : Val();
}

/// A forked child has copies of its parent's locks. Threads that the child does not have may have
/// locked some of them for ever. So the first thread of the child that locks one makes a new lock.
void renew_after_fork(heap_block& block) {
    const std::uint32_t now = fork_generation();
    const std::uint32_t being_renewed = ~now;
    auto& made = block.lock_generation;
    for (std::uint32_t seen = made.load(std::memory_order_acquire); seen != now;
         seen = made.load(std::memory_order_acquire)) {
        if (seen == being_renewed || !made.compare_exchange_strong(seen, being_renewed)) continue;
        new (&block.lock) std::recursive_timed_mutex;
        made.store(now, std::memory_order_release);  // pairs with the loads above
    }
}

bool try_lock_until(std::recursive_timed_mutex& lock, deadline until) {
#ifdef VALPOOL_TSAN
    // ThreadSanitizer does not see locks taken by pthread_mutex_clocklock.
    while (!lock.try_lock()) {
        if (until.has_passed()) return false;
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    return true;
#else
    return lock.try_lock_until(until.when());
#endif
}

/// Waits in slices, so that the thread can be cancelled after each of them.
bool lock_block(heap_block& block, deadline until) {
    renew_after_fork(block);
    if (block.lock.try_lock()) return true;
    while (!until.has_passed()) {
        const deadline slice = until.or_in(std::chrono::milliseconds(100));
        if (try_lock_until(block.lock, slice)) return true;
        cancellation_point();
    }
    return false;
}

[[noreturn]] void throw_lock_timeout(const Val& v, double timeout_s) {
    const box* const b = value_access::target(v);
    const std::int32_t pid = b ? pid_of_lock_owner(*b) : getpid();
    std::ostringstream text;
    text << "TransactionLock: the lock of a " << value_access::type_name(v) << " was held by "
         << (pid == 0 ? "others" : "process " + std::to_string(pid)) << " for "
         << std::max(timeout_s, 0.0) << " s";
    throw LockTimeout(text.str());
}

}  // namespace

TransactionLock::TransactionLock(const Val& v)
    : kept_(kept_while_locked(v)), generation_(fork_generation()) {
    if (!kept_.isproxy) return;
    if (box* const b = value_access::target(kept_))
        lock_box(*b);
    else
        lock_block(*value_access::block_of(kept_), deadline::never());
}

TransactionLock::TransactionLock(const Val& v, double timeout_s)
    : kept_(kept_while_locked(v)), generation_(fork_generation()) {
    const deadline until = deadline::of_time_out(timeout_s);
    if (!kept_.isproxy) return;
    box* const b = value_access::target(kept_);
    const bool has_it =
        b ? lock_box_for(*b, timeout_s) : lock_block(*value_access::block_of(kept_), until);
    if (!has_it) throw_lock_timeout(kept_, timeout_s);
}

TransactionLock::~TransactionLock() {
    if (!kept_.isproxy) return;
    if (box* const b = value_access::target(kept_))
        unlock_box(*b, generation_);
    else if (generation_ == fork_generation())
        value_access::block_of(kept_)->lock.unlock();
}

}  // namespace valpool
