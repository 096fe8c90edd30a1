#include <valpool/proxy.hpp>

#include <valpool/detail/pack.hpp>

#include "value/containers.hpp"

#include <ostream>
#include <stdexcept>
#include <type_traits>

namespace valpool {

using namespace detail;

namespace {
template <class V>
V&& checked_proxy(V&& v) {
    if (!v.isproxy) throw std::logic_error(value_access::description(v) + ", is no proxy");
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
        // All the handles of this process count once in the box.
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
    if (!b || !b->poisoned.load(std::memory_order_relaxed)) {
        visit_container(handle_.tag, handle_.subtype, value_access::container(handle_), empty);
        return;
    }
    // Nothing in a poisoned box can be trusted but its header: a new root takes the old one's
    // place.
    visit_container(handle_.tag, handle_.subtype, b->root(), [b](auto& content) {
        using C = std::remove_reference_t<decltype(content)>;
        reset_box(*b, sizeof(C));
        const mutation guard(b);
        new (b->root()) C(detail::allocator<char>(b));
    });
}

Val::Val(const Proxy& p) : Val(p.val()) {}

std::ostream& operator<<(std::ostream& out, const Proxy& p) { return out << p.val(); }

namespace {
/// What is known to need more than that allocates it by itself.
constexpr std::size_t largest_first_chunk_bytes = 4096;

/// The first entries of a table that is empty yet lie in the same block.
template <class T>
[[gnu::noinline]] Proxy share_empty_table(StreamingPool* pool, char tag) {
    const std::uint32_t capacity = table::usual_first_capacity(pool);
    return share_root<T>(pool, tag, 'Z', table::size_as_root(capacity),
                         [=](box* b, void* place) { new (place) T(b, capacity); });
}

template <class T>
[[gnu::always_inline]] inline Proxy share_table(StreamingPool* pool, char tag, const T& t) {
    if (t.isEmpty()) return share_empty_table<T>(pool, tag);
    const root_size size = t.size_of_copy_as_root();
    if (size.first_chunk_bytes > largest_first_chunk_bytes) return make_shared(pool, tag, 'Z', t);
    return share_root<T>(pool, tag, 'Z', size,
                         [&t](box* b, void* place) { new (place) T(t, b, table::as_root()); });
}
}  // namespace

Proxy Shared(StreamingPool* pool, const Tab& t) { return share_table(pool, 't', t); }
Proxy Shared(StreamingPool* pool, const OTab& t) { return share_table(pool, 'o', t); }
Proxy Shared(StreamingPool* pool, const Tup& t) { return make_shared(pool, 'u', 'Z', t); }
Proxy Shared(StreamingPool* pool, const Proxy& p) { return share_content(pool, p.val()); }

namespace detail {

hold* new_root(StreamingPool* pool, root_size size) {
    if (!pool) throw std::logic_error("Shared: no pool was given");
    return create_box(*pool, size);
}

Proxy finish_root(hold* h, char tag, char subtype) {
    h->target->root_tag = tag;
    h->target->root_subtype = subtype;
    Proxy p;
    value_access::adopt_hold(p.val(), h, tag, subtype);
    return p;
}

Proxy share_content(StreamingPool* pool, const Val& v) {
    if (!is_container(v.tag))
        throw std::logic_error("Shared: " + value_access::description(v) + ", is no container");
    return visit_container(v.tag, v.subtype, value_access::container(v), [&](auto& content) {
        using C = std::remove_reference_t<decltype(content)>;
        if constexpr (std::is_base_of_v<table, C>)
            return share_table(pool, v.tag, content);
        else
            return make_shared(pool, v.tag, v.subtype, content);
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
    return kept(make_shared(&pool, value_root_tag, 'Z', v));
}

hold* pack(Val&& v, StreamingPool& pool) {
    const box* const b = value_access::target(v);
    if (!b || pool_of(*b) != &pool || value_access::region(v))
        return pack(static_cast<const Val&>(v), pool);
    return value_access::release_hold(v);
}

void unpack(hold* h, Val& out) {
    if (h->target->root_tag != value_root_tag && !value_access::region(out)) {
        if (!out.isNone()) out.reset();
        value_access::adopt_hold(out, h);
        return;
    }
    Val proxy;
    value_access::adopt_hold(proxy, h);
    if (h->target->root_tag == value_root_tag)
        out = *static_cast<const Val*>(h->target->root());
    else
        out = std::move(proxy);
}

}  // namespace detail

TransactionLock::TransactionLock(const Val& v) {
    if (!v.isproxy)
        throw std::logic_error("TransactionLock: " + value_access::description(v) +
                               ", is no proxy");
    if (box* const b = value_access::target(v)) {
        kept_ = v;
        lock_box(*b);
    } else if (value_access::block_of(v)->has_lock) {
        kept_ = v;
        value_access::block_of(v)->lock.lock();
    }
}

TransactionLock::~TransactionLock() {
    if (!kept_.isproxy) return;
    if (box* const b = value_access::target(kept_))
        unlock_box(*b);
    else
        value_access::block_of(kept_)->lock.unlock();
}

}  // namespace valpool
