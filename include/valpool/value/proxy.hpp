#pragma once

/// Sharing: proxies, and the functions that make them.

#include <valpool/object/detail/hold.hpp>
#include <valpool/value/array.hpp>
#include <valpool/value/tab.hpp>
#include <valpool/value/tup.hpp>
#include <valpool/value/val.hpp>

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <type_traits>

namespace valpool {

namespace detail {
/// A box with room for a root of this size, ready for its construction; see create_box.
VALPOOL_API hold* new_root(StreamingPool* pool, root_size size);
/// The proxy of the box, once its root has been constructed.
VALPOOL_API Proxy finish_root(hold* h, char tag, char subtype);
}  // namespace detail

/// The tag of a Val that holds this type: TagFor((int_4*)0) is 'l'.
template <class T>
constexpr char TagFor(const T*) noexcept {
    if constexpr (std::is_same_v<T, std::string>)
        return 'a';
    else if constexpr (std::is_same_v<T, big_int<true>>)
        return 'q';
    else if constexpr (std::is_same_v<T, big_int<false>>)
        return 'Q';
    else if constexpr (std::is_same_v<T, Val> || detail::number_tag<T>() != 'Z')
        return detail::number_tag<T>();
    else
        return detail::container_tags<T>::tag;
}

/// A reference-counted handle of a container. Copies share the container; the last handle frees it.
/// In a pool, processes share it as well, and when a process dies, its handles are released.
/// A Val that is a proxy is the same thing; the two convert into each other.
/// Source: "C++ Cross-Process Shared Memory Tools", headache 5.
class VALPOOL_API Proxy {
public:
    /// `adopt`: the last handle deletes the container. `lock`: TransactionLock works on it.
    /// `shared` must be false (std::logic_error): only Shared makes what processes share.
    template <class T, class = decltype(detail::container_tags<T>::tag)>
    Proxy(T* container, bool adopt = true, bool lock = false, bool shared = false) {
        std::unique_ptr<T> owner(adopt ? container : nullptr);
        check_arguments(container, shared);
        static_cast<void>(owner.release());
        detail::value_access::adopt(handle_, container, adopt, lock);
    }
    /// A proxy of a new table on the heap.
    Proxy() : Proxy(new Tab()) {}
    /// A copy of a Val that is a proxy; std::logic_error for any other Val.
    explicit Proxy(const Val& proxy);
    explicit Proxy(Val&& proxy);

    const Val& val() const noexcept { return handle_; }
    Val& val() noexcept { return handle_; }
    template <class Key>
    Val& operator[](const Key& key) {
        return handle_[key];
    }
    template <class Key>
    const Val& operator[](const Key& key) const {
        return handle_[key];
    }
    template <class Key>
    Val& operator()(const Key& key) const {
        return handle_(key);
    }
    operator Tab&() const { return handle_; }
    operator OTab&() const { return handle_; }
    operator Tup&() const { return handle_; }
    template <class T>
    operator Array<T>&() const {
        return handle_;
    }
    bool contains(const Val& key) const { return handle_.contains(key); }
    bool remove(const Val& key) { return handle_.remove(key); }
    void append(const Val& value) { handle_.append(value); }
    void append(Val&& value) { handle_.append(std::move(value)); }
    /// Empties the container, for all who share it. A poisoned value can be used again afterwards.
    /// When others use the value, hold its TransactionLock meanwhile. The lock of a poisoned value
    /// cannot be taken: clear that one only when nobody else uses it.
    void clear();
    /// As Val::prettyPrint.
    void prettyPrint(std::ostream& out, int indent = 0, int add = 4) const {
        handle_.prettyPrint(out, indent, add);
    }
    /// Exchanges the handles; the containers stay as they are.
    void swap(Proxy& other) { handle_.swap(other.handle_); }
    /// Compares the contents; is() tells whether two handles share one container.
    friend bool operator==(const Proxy& a, const Proxy& b) { return a.handle_ == b.handle_; }
    friend bool operator!=(const Proxy& a, const Proxy& b) { return !(a == b); }
    friend bool operator<(const Proxy& a, const Proxy& b) { return a.handle_ < b.handle_; }
    friend bool operator>(const Proxy& a, const Proxy& b) { return b < a; }
    friend bool operator<=(const Proxy& a, const Proxy& b) { return !(b < a); }
    friend bool operator>=(const Proxy& a, const Proxy& b) { return !(a < b); }
    std::size_t length() const { return handle_.length(); }
    std::size_t entries() const { return handle_.length(); }
    StreamingPool* allocator() const noexcept { return handle_.allocator(); }
    bool sharedAcrossProcesses() const noexcept { return handle_.sharedAcrossProcesses(); }
    /// How many handles and other references the container has at this moment.
    std::size_t refcount() const noexcept;
    bool is_locking() const noexcept { return detail::value_access::has_lock(handle_); }

private:
    friend class Val;
    friend Proxy detail::finish_root(detail::hold* h, char tag, char subtype);
    struct of_nothing {};
    explicit Proxy(of_nothing) noexcept {}
    static void check_arguments(const void* container, bool shared);

    Val handle_;
};
VALPOOL_API std::ostream& operator<<(std::ostream& out, const Proxy& p);
inline Val::Val(Proxy&& p) : Val(std::move(p.handle_)) {}
inline void swap(Proxy& a, Proxy& b) { a.swap(b); }
inline bool is(const Proxy& a, const Proxy& b) noexcept { return is(a.val(), b.val()); }
inline bool is(const Proxy& a, const Val& b) noexcept { return is(a.val(), b); }
inline bool is(const Val& a, const Proxy& b) noexcept { return is(a, b.val()); }

namespace detail {
/// A handle that neither copies nor owns: for reading a container that is not in a Val.
template <class T>
Val borrowed(const T& container) {
    return Proxy(const_cast<T*>(&container), false).val();
}
}  // namespace detail

inline bool operator<(const Tab& a, const Tab& b) {
    return detail::borrowed(a) < detail::borrowed(b);
}
inline bool operator<(const OTab& a, const OTab& b) {
    return detail::borrowed(a) < detail::borrowed(b);
}

inline void Tab::prettyPrint(std::ostream& out, int indent, int add) const {
    detail::borrowed(*this).prettyPrint(out, indent, add);
}
inline void OTab::prettyPrint(std::ostream& out, int indent, int add) const {
    detail::borrowed(*this).prettyPrint(out, indent, add);
}
inline void Tup::prettyPrint(std::ostream& out, int indent, int add) const {
    detail::borrowed(*this).prettyPrint(out, indent, add);
}
template <class T>
void Array<T>::prettyPrint(std::ostream& out, int indent, int add) const {
    detail::borrowed(*this).prettyPrint(out, indent, add);
}

inline void Array<std::string>::prettyPrint(std::ostream& out, int indent, int add) const {
    detail::borrowed(*this).prettyPrint(out, indent, add);
}

namespace detail {
VALPOOL_API Proxy share_content(StreamingPool* pool, const Val& v);
}

/// A deep copy of a container in the pool, shared between processes. It is freed with its last
/// handle, wherever that is: in a process, a queue, or another shared value.
/// Throws PoolExhausted with nothing changed; std::logic_error without a pool.
VALPOOL_API Proxy Shared(StreamingPool* pool, const Tab& t);
VALPOOL_API Proxy Shared(StreamingPool* pool, const OTab& t);
VALPOOL_API Proxy Shared(StreamingPool* pool, const Tup& t);
template <class T>
Proxy Shared(StreamingPool* pool, const Array<T>& a);
/// The same for the container that a Val holds or a proxy refers to. Numbers, text and None cannot
/// be shared by themselves (std::logic_error naming the type and the value): put them into a
/// container, or enqueue them as they are.
VALPOOL_API Proxy Shared(StreamingPool* pool, const Proxy& p);
template <class V, detail::if_val<V> = 0>
Proxy Shared(StreamingPool* pool, const V& v) {
    return detail::share_content(pool, v);
}
/// Shared under the original's older name.
template <class T>
Proxy Protected(StreamingPool* pool, const T& content) {
    return Shared(pool, content);
}
/// A proxy that adopts `container`, on the heap of this process: Locked with a lock for
/// TransactionLock, Unlocked without.
template <class T>
Proxy Locked(T* container) {
    return Proxy(container, true, true);
}
template <class T>
Proxy Unlocked(T* container) {
    return Proxy(container, true, false);
}

/// Holds the lock of a shared or Locked value while it lives; does nothing for a value without a
/// lock.
/// The lock is advisory: it does not stop a thread that does not take it. So take it also for
/// reading a value that others change: a reader beside a writer can crash, or see a half-written
/// text.
/// The lock is recursive within a thread, up to 65,535 levels (std::logic_error). A different
/// thread may destroy the TransactionLock. After a fork, one that the child inherited holds
/// nothing.
/// Blocking: for ever or until the time-out. Fair within some milliseconds: the thread that has
/// waited longer goes first. Never waits for a dead process: a holder's death poisons the value,
/// and the next one to lock it gets PoisonedError. A cancellation point (pthread_cancel) while it
/// waits.
/// Several locks: take them in the same order everywhere, or with time-outs. A deadlock is not
/// detected.
class VALPOOL_API TransactionLock {
public:
    explicit TransactionLock(const Proxy& p) : TransactionLock(p.val()) {}
    /// std::logic_error for a value that is not a proxy.
    explicit TransactionLock(const Val& v);
    /// Throws LockTimeout, naming the process that holds the lock, when it does not get the lock
    /// within `timeout_s` seconds. 0 and less: tries once. std::logic_error for NaN.
    TransactionLock(const Proxy& p, double timeout_s) : TransactionLock(p.val(), timeout_s) {}
    TransactionLock(const Val& v, double timeout_s);
    ~TransactionLock();
    TransactionLock(const TransactionLock&) = delete;
    TransactionLock& operator=(const TransactionLock&) = delete;

private:
    Val kept_;                  // keeps the locked value alive
    std::uint32_t generation_;  // the fork generation of the process that locked: see unlock_box
};

namespace detail {
/// A new box with a root of type C, which make(region, place) constructs.
template <class C, class Make>
VALPOOL_ALWAYS_INLINE Proxy share_root(StreamingPool* pool, char tag, char subtype, root_size size,
                                       const Make& make) {
    hold* const h = new_root(pool, size);
    try {
        make(h->target, h->target->root());
    } catch (...) {
        drop_handle(h);
        throw;
    }
    return finish_root(h, tag, subtype);
}
template <class C>
Proxy make_shared(StreamingPool* pool, const C& content) {
    using tags = container_tags<C>;
    return share_root<C>(
        pool, tags::tag, tags::subtype, {sizeof(C)},
        [&content](box* b, void* place) { new (place) C(content, allocator<char>(b)); });
}
}  // namespace detail

template <class T>
Proxy Shared(StreamingPool* pool, const Array<T>& a) {
    return detail::make_shared(pool, a);
}

}  // namespace valpool
