#include <valpool/value/val.hpp>

#include "process/fork.hpp"
#include "value/containers.hpp"

#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

/// The lifetime of a value: construction, copy, move, assignment, destruction.

namespace valpool {

using namespace detail;

Val::Val(const Tab& t) : Val() { value_access::put(*this, t); }
Val::Val(const OTab& t) : Val() { value_access::put(*this, t); }
Val::Val(const Tup& t) : Val() { value_access::put(*this, t); }
Val::Val(Tab* adopted) : Val() { value_access::adopt(*this, adopted, true, false); }
Val::Val(OTab* adopted) : Val() { value_access::adopt(*this, adopted, true, false); }
Val::Val(Tup* adopted) : Val() { value_access::adopt(*this, adopted, true, false); }

Val& Val::assign(const Tab& t) { return t.isEmpty() ? assign_empty<Tab>() : assign_container(t); }
Val& Val::assign(const OTab& t) { return t.isEmpty() ? assign_empty<OTab>() : assign_container(t); }
Val& Val::assign(const Tup& t) { return assign_container(t); }

// Self-assignment works: the value is copied first.
// NOLINTNEXTLINE(bugprone-unhandled-self-assignment)
Val& Val::operator=(const Val& other) {
    const mutation guard(alloc_.region());
    if (!other.owns_something()) {
        const short_text bytes(value_access::stored(other));  // first: clear() may destroy `other`
        if (owns_something()) clear();
        set_short(bytes);
        return *this;
    }
    Val copy(other, alloc_);  // all that can fail comes before clear()
    clear();
    take_from(copy);
    return *this;
}

Val& Val::operator=(Val&& other) {
    if (this == &other) return *this;
    if (alloc_.is_heap() && other.alloc_.is_heap()) {
        const short_text bytes(value_access::stored(other));
        if (other.is_relocatable(bytes.head)) {
            other.become_none();  // first: clear() may destroy `other`
            if (owns_something()) clear();
            set_short(bytes);
            return *this;
        }
    }
    if (alloc_ != other.alloc_) return *this = static_cast<const Val&>(other);
    const mutation guard(alloc_.region());
    Val moved(std::move(other), alloc_);  // first: clear() may destroy `other`
    clear();
    take_from(moved);
    return *this;
}

void Val::reset() {
    const mutation guard(alloc_.region());
    clear();
}

void Val::swap(Val& other) {
    if (this == &other) return;
    const mutation guard(alloc_.region());
    const mutation other_guard(other.alloc_.region());
    if (alloc_ == other.alloc_) {
        Val mine(std::move(other), alloc_);
        // Moving leaves None. NOLINTNEXTLINE(bugprone-use-after-move)
        other.take_from(*this);
        take_from(mine);
        return;
    }
    Val mine(other, alloc_);
    Val theirs(*this, other.alloc_);
    clear();
    take_from(mine);
    other.clear();
    other.take_from(theirs);
}

namespace {

using object_pointer = allocator<char>::pointer;

/// Containers nested deeper than this are copied and destroyed from a list instead of by recursion.
constexpr unsigned most_nested = 32;

template <class C>
void destroy(C& content, const detail::allocator<char>& memory) noexcept {
    detail::allocator<C> own(memory);
    content.~C();
    own.deallocate(typename detail::allocator<C>::pointer(&content), 1);
}

/// A container without references, to be destroyed: it lies in its region's memory, or a heap block
/// has adopted it.
struct doomed {
    box* region;
    void* object;
    heap_block* block;
    char tag;
    char subtype;

    void end() const noexcept {
        if (block) {
            if (block->destroy) block->destroy(block->object);
            delete block;
            return;
        }
        const detail::allocator<char> memory(region);
        visit_container(tag, subtype, object, [&memory](auto& c) { destroy(c, memory); });
    }
};

/// How deep the thread is in destroying containers, and the list of those that it has put off. The
/// list exists only while it has elements: values in static storage are destroyed after every other
/// object of a thread.
thread_local constinit unsigned destroying = 0;
thread_local constinit std::vector<doomed>* to_destroy = nullptr;

void end_now(const doomed& first) noexcept {
    ++destroying;
    first.end();
    while (destroying == 1 && to_destroy) {
        if (to_destroy->empty()) {
            delete std::exchange(to_destroy, nullptr);
            break;
        }
        const doomed next = to_destroy->back();
        to_destroy->pop_back();
        next.end();
    }
    --destroying;
}

void end_container(const doomed& container) noexcept {
    if (destroying < most_nested) return end_now(container);
    try {
        if (!to_destroy) to_destroy = new std::vector<doomed>;
        to_destroy->push_back(container);
    } catch (const std::bad_alloc&) {
        end_now(container);  // recursion needs no heap
    }
}

void drop_block(heap_block* block) noexcept {
    if (block->handles.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    end_container({nullptr, nullptr, block, 0, 0});
}

/// How deep the thread is in copying containers, and the list of those that it has put off.
thread_local constinit unsigned copying = 0;
thread_local constinit std::vector<std::pair<Val*, const Val*>>* to_copy = nullptr;

}  // namespace

void Val::clear() noexcept {
    if (isproxy) {
        if (box* const b = alloc_.region())
            remove_out_ref(*b, reinterpret_cast<out_ref*>(slot<object_pointer>().get()));
        else if (refers_to_box())
            drop_handle(value_access::hold_of(*this));
        else
            drop_block(slot<heap_block*>());
    } else if (has_bytes()) {
        if (is_elsewhere()) alloc_.deallocate(slot<long_text>().bytes, slot<long_text>().capacity);
    } else if (is_container(tag)) {
        end_container({alloc_.region(), slot<object_pointer>().get(), nullptr, tag, subtype});
    }
    become_none();
}

/// Nothing that is being copied moves before the outermost copy is complete. So deep containers can
/// be put off until then.
void Val::copy_content(const Val& other) {
    if (copying == most_nested) {
        if (!to_copy) to_copy = new std::vector<std::pair<Val*, const Val*>>;
        to_copy->emplace_back(this, &other);
        return;
    }
    struct level {
        level() { ++copying; }
        ~level() {
            if (--copying == 0) delete std::exchange(to_copy, nullptr);
        }
    } const here;
    visit_container(other.tag, other.subtype, value_access::container(other),
                    [&](auto& content) { value_access::put(*this, content); });
    while (copying == 1 && to_copy && !to_copy->empty()) {
        const auto [to, from] = to_copy->back();
        to_copy->pop_back();
        ++copying;  // so that the nested call does not count as the outermost copy
        try {
            to->copy_content(*from);
        } catch (...) {
            --copying;
            throw;
        }
        --copying;
    }
}

void Val::copy_what_is_owned(const Val& other) {
    if (other.isproxy) {
        box* const from = value_access::target(other);
        box* const region = alloc_.region();
        if (!region) {
            if (!from) {
                heap_block* const block = value_access::block_of(other);
                block->handles.fetch_add(1, std::memory_order_relaxed);
                put_in_slot<heap_block*>(block);
                set_header(other.tag, other.subtype, true, place::in_heap_block);
            } else if (other.alloc_.region()) {
                value_access::adopt_hold(*this, hold_box(*from));
            } else {
                add_handle(*value_access::hold_of(other));
                value_access::adopt_hold(*this, value_access::hold_of(other));
            }
        } else if (from && pool_of(*from) == pool_of(*region)) {
            put_in_slot<object_pointer>(reinterpret_cast<char*>(add_out_ref(*region, *from)));
            set_header(other.tag, other.subtype, true, place::in_slot);
        } else {
            // From other memory into a pool: the content that the proxy shares is copied.
            copy_content(other);
        }
    } else if (other.has_bytes()) {
        set_bytes(other.tag, other.bytes());
    } else {
        copy_content(other);
    }
}

void Val::take_what_is_owned(Val& other) {
    if (!other.isproxy && other.has_bytes())
        put_in_slot<long_text>(other.slot<long_text>());
    else
        put_in_slot<object_pointer>(other.slot<object_pointer>());
    set_head(other.head());
    other.become_none();
}

StreamingPool* Val::allocator() const noexcept {
    if (const box* const region = alloc_.region()) return pool_of(*region);
    const box* const b = value_access::target(*this);
    return b ? pool_of(*b) : nullptr;
}

void Val::throw_no_text() const {
    throw std::logic_error(value_access::description(*this) + ", is not a string");
}

namespace detail {

void throw_length(std::size_t length, std::size_t most) {
    // A length above half of the address space comes from a negative number, so it is printed as
    // one.
    throw std::length_error("a length of " + std::to_string(static_cast<std::ptrdiff_t>(length)) +
                            " is not possible; the largest is " + std::to_string(most));
}

void throw_null_text() { throw std::logic_error("a null pointer is not a text"); }

box* value_access::target(const Val& v) noexcept {
    if (!v.isproxy) return nullptr;
    if (region(v))
        return &target_of(*reinterpret_cast<const out_ref*>(v.slot<object_pointer>().get()));
    return v.refers_to_box() ? box_of(v) : nullptr;
}

void* value_access::container_of_proxy(const Val& v) {
    if (box* const b = target(v)) {
        check_usable(*b);
        return b->root();
    }
    return block_of(v)->object;
}

void* value_access::any_container_of_type(const Val& v, char tag, char subtype) {
    if (v.tag != tag || v.subtype != subtype)
        throw std::logic_error(description(v) + ", is not of type " + type_name(tag, subtype));
    return container_of_known(v);
}

void value_access::adopt_hold(Val& v, hold* h) noexcept {
    adopt_hold(v, h, h->target->root_tag, h->target->root_subtype);
}

void value_access::adopt_hold(Val& v, hold* h, char tag, char subtype) noexcept {
    v.put_in_slot<box_handle>(h, h->target);
    v.set_header(tag, subtype, true, Val::place::in_box);
}

hold* value_access::release_hold(Val& v) noexcept {
    hold* const h = hold_of(v);
    v.become_none();
    return h;
}

void value_access::adopt_object(Val& v, char tag, char subtype, void* object, bool locks) {
    if (!object) throw std::logic_error("a null pointer to a " + type_name(tag, subtype));
    auto block = std::make_unique<heap_block>();
    block->has_lock = locks;
    if (locks) {
        handle_forks();  // so that a forked child renews the lock
        block->lock_generation = fork_generation();
    }
    block->object = object;
    v.put_in_slot<heap_block*>(block.release());
    v.set_header(tag, subtype, true, Val::place::in_heap_block);
}

bool value_access::has_lock(const Val& v) noexcept {
    return v.isproxy && (target(v) != nullptr || block_of(v)->has_lock);
}

std::string value_access::type_name(char tag, char subtype) {
    const type_row& type = type_of(tag);
    if (type.kind != type_kind::array || subtype == 'Z') return type.name;
    return "Array of " + type_name(subtype);
}

}  // namespace detail
}  // namespace valpool
