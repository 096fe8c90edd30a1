#include <valpool/value/proxy.hpp>
#include <valpool/value/val.hpp>

#include "value/big_number.hpp"
#include "value/containers.hpp"
#include "value/open_levels.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <type_traits>

/// Access to a value's elements, by key and by index.

namespace valpool {

using namespace detail;

namespace {

[[noreturn]] void throw_no_elements(const Val& v, const char* what) {
    throw std::logic_error("a value of type " + value_access::type_name(v) + " has no " + what);
}

/// The index that `key` stands for: an integer below `count`, or an exception.
std::size_t index_of(const Val& key, std::size_t count) {
    if (const auto i = int_8_of(key))
        if (static_cast<std::size_t>(*i) < count) return static_cast<std::size_t>(*i);
    const any_number n = is_number(key) ? number_of(key) : any_number{any_number::real, 0, 0, 0};
    if (n.what == any_number::integer && n.i >= 0 && n.i < static_cast<wide_int>(count))
        return static_cast<std::size_t>(n.i);
    if (n.what != any_number::integer && !is_big(key.tag))
        throw std::logic_error("an index is an integer, not " + value_access::type_name(key));
    std::ostringstream text;
    text << "index " << key << " is not in a list of " << count;
    throw std::out_of_range(text.str());
}

Val& list_element(const Val& list, const Val& key) {
    if (!is_row(list)) {
        if (list.tag == 'n')
            throw std::logic_error(
                "an " + value_access::type_name(list) +
                " has no Vals as elements: convert the value to that array first");
        throw_no_elements(list, "elements");
    }
    const value_row row = row_of(list);
    return row.first[index_of(key, row.count)];
}

template <class Value>
void append_to(Val& list, Value&& value) {
    if (is_table(list.tag)) return table_of(list).append(std::forward<Value>(value));
    if (list.tag == 'u') throw std::logic_error("a Tup cannot grow");
    if (list.tag != 'n') throw_no_elements(list, "end to append to");
    visit_array(list.subtype, value_access::container(list), [&](auto& a) {
        using item = typename std::remove_reference_t<decltype(a)>::value_type;
        if constexpr (std::is_same_v<item, Val>)
            a.append(std::forward<Value>(value));
        else if constexpr (number_tag<item>() != 'Z')
            a.append(value.template as<item>());
        else
            a.append(static_cast<item>(value));
    });
}

}  // namespace

Val& Val::operator[](const Val& key) {
    return is_table(tag) ? table_of(*this)[key] : list_element(*this, key);
}

Val& Val::operator()(const Val& key) const {
    return is_table(tag) ? table_of(*this)(key) : list_element(*this, key);
}

const Val& Val::at_path(std::initializer_list<Val> path) const {
    const Val* at = this;
    const auto where = [&](const Val& step, const std::exception& error) {
        return "at_path, step " + std::to_string(&step - path.begin() + 1) + " of " +
               std::to_string(path.size()) + ": " + error.what();
    };
    for (const Val& step : path) {
        try {
            at = &(*at)(step);
        } catch (const std::out_of_range& error) {
            throw std::out_of_range(where(step, error));
        } catch (const std::logic_error& error) {
            throw std::logic_error(where(step, error));
        }
    }
    return *at;
}

bool Val::contains(const Val& key) const {
    if (is_table(tag)) return table_of(*this).contains(key);
    if (!is_container(tag)) throw_no_elements(*this, "elements");
    if (is_row(*this)) {
        const value_row row = row_of(*this);
        for (std::size_t i = 0; i < row.count; ++i)
            if (row.first[i] == key) return true;
        return false;
    }
    return visit_array(subtype, value_access::container(*this), [&](auto& a) {
        for (const auto& item : a)
            if (Val(item) == key) return true;
        return false;
    });
}

bool Val::remove(const Val& key) {
    if (is_table(tag)) return table_of(*this).remove(key);
    if (tag != 'n') throw_no_elements(*this, "elements that can be removed");
    return visit_array(subtype, value_access::container(*this), [&](auto& a) {
        using item = typename std::remove_reference_t<decltype(a)>::value_type;
        const auto is_it = [&key](const item& i) {
            if constexpr (std::is_same_v<item, Val>)
                return i == key;
            else
                return Val(i) == key;
        };
        const auto found = std::find_if(a.begin(), a.end(), is_it);
        if (found == a.end()) return false;
        a.removeRange(static_cast<std::size_t>(found - a.begin()), 1);
        return true;
    });
}

void Val::append(const Val& value) { append_to(*this, value); }
void Val::append(Val&& value) {
    if (&value == this) return append(std::as_const(value));
    if (tag == 'n' && subtype == 'Z')
        return static_cast<Arr*>(value_access::container_of_known(*this))->append(std::move(value));
    append_to(*this, std::move(value));
}

template <class... Words>
[[gnu::noinline]] void Val::append_elsewhere(Words... words) {
    if (tag != 'n' || subtype != 'Z')
        return append(value_access::value_of_words(short_text(words..., 0)));
    Arr& list = *static_cast<Arr*>(value_access::container_of_known(*this));
    if (list.takes_first_room())
        list.append_at_once(short_text(words..., 0));
    else
        list.append_words(short_text(words..., 0));
}

/// What it calls comes last, so that it saves no registers.
void Val::append_number(std::uint64_t head, std::uint64_t slot) {
    const auto is_appended_to = [&](void* object) __attribute__((always_inline)) {
        Arr& list = *static_cast<Arr*>(object);
        const std::size_t length = list.length();
        if (!list.append_at_once(short_text(head, slot, 0))) return false;
        if (Arr::is_step(length)) note_list_length(length);
        return true;
    };
    if (value_access::is_own(*this, 'n')) {
        if (is_appended_to(value_access::own_container(*this))) return;
    } else if (value_access::is_handle_of(*this, 'n')) {
        box& b = *value_access::box_of(*this);
        if (is_untouched(b) && is_appended_to(b.root())) return;
    }
    append_elsewhere(head, slot);
}

void Val::appendStr(const Val& value) {
    if (is_table(tag)) return table_of(*this).appendStr(value);
    append(value);
}

void Val::Proxyize(bool adopt, bool lock) {
    if (!is_container(tag)) throw_no_elements(*this, "content to share");
    if (isproxy || !alloc_.is_heap()) return;
    visit_container(tag, subtype, value_access::container(*this), [&](auto& content) {
        auto* const shared = new std::remove_reference_t<decltype(content)>();
        Proxy proxy(shared, adopt, lock);
        shared->swap(content);
        *this = std::move(proxy.val());
    });
}

std::size_t Val::length() const {
    if (tag == 'a') return text().size();
    if (!is_container(tag)) {
        type_of(tag);  // throws for a damaged value
        return 0;
    }
    return visit_container(tag, subtype, value_access::container(*this),
                           [](auto& content) -> std::size_t { return content.length(); });
}

bool is(const Val& a, const Val& b) noexcept {
    return &a == &b || (a.isproxy && identity_of(a) == identity_of(b));
}

}  // namespace valpool
