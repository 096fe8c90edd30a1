#include <valpool/value/it.hpp>

#include "value/containers.hpp"

#include <algorithm>

namespace valpool {

using namespace detail;

void It::reset(const Val& v) {
    if (v.tag == 'n' && !is_row(v)) return reset(Val(v));
    empty();
    add(v);
}

void It::reset(Val&& v) {
    Val taken(std::move(v));  // first: v may be a part of what is destroyed below
    empty();
    kept_ = std::move(taken);
    add(kept_);
}

void It::reset(const Tab& t) {
    empty();
    add_table(t);
}
void It::reset(const OTab& t) {
    empty();
    add_table(t);
}
void It::reset(const Tup& t) {
    empty();
    add_list(t.begin(), t.length());
}
void It::reset(const Arr& a) {
    empty();
    add_list(a.begin(), a.length());
}

void It::empty() noexcept {
    reset();
    items_.clear();
    made_key_.reset();
    made_value_.reset();
}

void It::add(const Val& v) {
    if (is_table(v.tag)) {
        add_table(table_of(v));
    } else if (is_row(v)) {
        const value_row row = row_of(v);
        add_list(row.first, row.count);
    } else if (v.tag == 'n') {
        items_.resize(v.length(), item{nullptr, nullptr});
    } else {
        throw std::logic_error("a value of type " + value_access::type_name(v) +
                               " has no elements to iterate over");
    }
}

void It::add_table(const table& t) {
    items_.reserve(t.entries());
    for (auto& [key, value] : const_cast<table&>(t)) items_.push_back({&key, &value});
}

void It::add_list(const Val* first, std::size_t count) {
    items_.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        items_.push_back({nullptr, const_cast<Val*>(first) + i});
}

void It::sort() {
    // The keys of a list are its positions, which are sorted already.
    if (items_.empty() || !items_.front().key) return;
    std::sort(items_.begin(), items_.end(),
              [](const item& a, const item& b) { return *a.key < *b.key; });
}

bool It::operator()() {
    if (next_ == items_.size()) return false;
    const item& here = items_[next_];
    if (!here.key) made_key_ = static_cast<int_8>(next_);
    if (!here.value)
        made_value_ = visit_array(kept_.subtype, value_access::container(kept_),
                                  [this](auto& a) { return Val(a(next_)); });
    key_ = here.key ? here.key : &made_key_;
    value_ = here.value ? here.value : &made_value_;
    ++next_;
    return true;
}

}  // namespace valpool
