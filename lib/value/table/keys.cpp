#include <valpool/value/val.hpp>

#include "object/box_layout.hpp"
#include "value/table/find.hpp"
#include "value/table/shapes.hpp"

#include <sstream>
#include <stdexcept>
#include <type_traits>

/// Looking up and inserting by key.

namespace valpool {

Key::Key(std::string_view text, int) : text_(text), hash_(detail::hash_of(text)) {}

namespace detail {

namespace {

/// Apart from where nothing is missing: building the message must not cost that place anything.
[[noreturn, gnu::cold, gnu::noinline]] void throw_missing(const Val& key) {
    std::ostringstream text;
    text << "Key " << key << " not in table";
    throw std::out_of_range(text.str());
}
[[noreturn, gnu::cold, gnu::noinline]] void throw_missing(const short_text& key) {
    throw_missing(Val(key.view()));
}

}  // namespace

// --- finding ----------------------------------------------------------------------------------

template <class AnyKey>
const Val* table::find_any(const AnyKey& key) const {
    return find_entry(key, hash_if(is_hashed(), key)).value;
}

[[gnu::tls_model("initial-exec")]] thread_local constinit std::uint32_t next_position = 0;

template <class... Words>
[[gnu::noinline]] const Val* table::find_short_by_fingerprint(Words... words) const noexcept {
    const short_text key(words...);
    const entry_row row = first_row();
    Val* const found = find_by_fingerprint(short_key(key), fingerprint_of(key));
    return found == row.last() ? nullptr : row.value(found);
}

/// The value of this key, in a table without an index; null when there is none.
[[gnu::always_inline]] inline const Val* table::find_in_row(const short_text& key) const noexcept {
    const entry_row row = first_row();
    if (has_fingerprints(capacity_)) {
        Val* const at = find_next(row, short_key(key));
        return at ? row.value(at) : find_short_by_fingerprint(key.head, key.second, key.third);
    }
    // Not find_in, whose result would be compared with the end once more.
    for (Val* at = row.first; at != row.last(); ++at)
        if (short_key(key).is(*at)) return row.value(at);
    return nullptr;
}

template <class... Words>
[[gnu::noinline]] const Val* table::find_anywhere(Words... key) const {
    return find_any(short_text(key...));
}

[[gnu::noinline]] const Val* table::find_long(std::string_view key) const { return find_any(key); }

[[gnu::always_inline]] inline const Val* table::find(const short_text& key) const {
    return index_ ? find_anywhere(key.head, key.second, key.third) : find_in_row(key);
}

const Val* table::find(std::string_view key) const {
    return key.size() > short_text::most ? find_long(key) : find(short_text(key));
}

const Val* table::find(const Val& key) const {
    return key.tag == 'a' ? find(key.text()) : find_any(key);
}

const Val* table::find(const Key& key) const {
    return key.is_short() ? find(key.words()) : find_entry(key.text(), key.hash_).value;
}

// --- or an exception --------------------------------------------------------------------------

Val& table::at(const Val& key) const {
    const Val* const found = find(key);
    if (!found) throw_missing(key);
    return const_cast<Val&>(*found);
}

Val& table::at(const Key& key) const {
    if (key.is_short()) return at(key.words());
    const Val* const found = find(key);
    if (!found) throw_missing(Val(key.text()));
    return const_cast<Val&>(*found);
}

Val& table::at(std::string_view key) const {
    return key.size() > short_text::most ? at_long(key) : at(short_text(key));
}

[[gnu::noinline]] Val& table::at_long(std::string_view key) const {
    const Val* const found = find_any(key);
    if (!found) throw_missing(Val(key));
    return const_cast<Val&>(*found);
}

template <class... Words>
[[gnu::noinline]] Val& table::at_anywhere(Words... words) const {
    const short_text key(words...);
    const Val* const found = index_ ? find_any(key) : nullptr;  // in a row it has been looked for
    if (!found) throw_missing(key);
    return const_cast<Val&>(*found);
}

template <class... Words>
[[gnu::noinline]] Val& table::at_fingerprint(Words... words) const {
    const short_text key(words...);
    const entry_row row = first_row();
    Val* const found = find_by_fingerprint(short_key(key), fingerprint_of(key));
    if (found == row.last()) throw_missing(key);
    return *row.value(found);
}

/// What it calls comes last, so that it saves no registers.
Val& table::at_words(std::uint64_t head, std::uint64_t second, std::uint64_t third) const {
    const short_text key(head, second, third);
    if (capacity_ > smallest_chunk) {
        const std::uint32_t position = next_position;
        // As a signed number, the size of what is not one row is below any position.
        if (static_cast<std::int32_t>(position) < static_cast<std::int32_t>(size_)) {
            Val* const value = get_some(first_) + position;
            if (short_key(key).is(*key_at(value))) {
                next_position = position + 1;
                return *value;
            }
        }
        return index_ ? at_anywhere(head, second, third) : at_fingerprint(head, second, third);
    }
    if (index_) return at_anywhere(head, second, third);
    const entry_row row = first_row();
    for (Val* at = row.first; at != row.last(); ++at)
        if (short_key(key).is(*at)) return *row.value(at);
    return at_anywhere(head, second, third);
}

Val table::get(const Val& key, const Val& instead) const {
    const Val* const found = findValue(key);
    return found ? *found : instead;
}

// --- or a new entry ---------------------------------------------------------------------------

template <class AnyKey>
Val& table::find_or_insert_any(const AnyKey& key) {
    const bool has_hash = is_hashed();
    const std::uint32_t hash = hash_if(has_hash, key);
    Val* const value = find_entry(key, hash).value;
    return value ? *value : add(key, hash, has_hash);
}

Val& table::find_or_insert(const Val& key) {
    return key.tag == 'a' ? find_or_insert(key.text()) : find_or_insert_any(key);
}

Val& table::find_or_insert(std::string_view key) {
    return key.size() <= short_text::most ? find_or_insert(short_text(key))
                                          : find_or_insert_any(key);
}

template <class... Words>
[[gnu::noinline]] Val& table::find_or_insert_anywhere(Words... key) {
    return find_or_insert_any(short_text(key...));
}

/// What most insertions are: into the room that there is, of a table that nobody else sees. `b` is
/// the table's region.
[[gnu::always_inline]] inline Val* table::insert_at_once(box* b, entry_place at,
                                                         const short_text& key) {
    const auto put = [&](box * region) __attribute__((always_inline)) {
        value_access::new_short(at.key, key, region);
        return value_access::new_none(at.value, region);
    };
    // Twice, for a region that is known not to be null is written in half the instructions.
    if (!b) return put(nullptr);
    return b->published.load(std::memory_order_relaxed) ? nullptr : put(b);
}

// What these call out of line is in functions that take words, and comes last: so the quick ways
// need neither a place on the stack nor to save registers.

template <class... Words>
[[gnu::noinline]] Val& table::add_short(Words... key) {
    return add(short_text(key...), 0, false);
}

/// Of a key that looks like some that are there.
template <class... Words>
[[gnu::noinline]] Val& table::find_or_insert_among(std::uint32_t candidates, Words... words) {
    const short_text key(words...);
    const entry_row row = first_row();
    Val* const at = find_among(without_those_behind(candidates, row.count), short_key(key));
    return at != row.last() ? *row.value(at) : add(key, 0, false);
}

/// In a table without an index, but with fingerprints. In an order in which little has to be kept
/// at a time: so hardly any register has to be saved.
template <class... Words>
[[gnu::noinline]] Val& table::find_or_insert_by_fingerprint(Words... words) {
    const short_text key(words...);
    const std::uint32_t count = row_size();
    unsigned char* const all = fingerprints();
    const unsigned char fingerprint = fingerprint_of(key);
    const std::uint32_t candidates = matches_and_more(all, count, fingerprint);
    if (candidates != 0) return find_or_insert_among(candidates, words...);
    if (count >= capacity_) return add_short(words...);
    all[count] = fingerprint;
    if (count % smallest_chunk == 0) guess.outgrows(count / smallest_chunk);
    Val* const place = get_some(first_) + count;
    const entry_place at = {key_at(place), place};
    if (memory_.is_heap()) {
        insert_at_once(nullptr, at, key);
    } else {
        box* const b = memory_.region_in_pool();
        if (!b) __builtin_unreachable();
        if (!insert_at_once(b, at, key)) return add_short(words...);
    }
    ++size_;
    return *at.value;
}

/// In a table without an index and fingerprints.
[[gnu::always_inline]] inline Val& table::find_or_insert_in_row(box* b, const short_text& key) {
    const entry_row row = first_row();
    Val* const at = find_in(row, short_key(key));
    if (at != row.last()) return *row.value(at);
    if (size_ < capacity_) {
        if (Val* const value = insert_at_once(b, {at, row.value(at)}, key)) {
            ++size_;
            return *value;
        }
    }
    return add_short(key.head, key.second, key.third);
}

/// Whether it is the key that comes next of those that the table shares, which are short texts.
template <class AnyKey>
bool table::is_next_of_shape(const AnyKey& key, std::size_t position) const noexcept {
    if constexpr (std::is_same_v<AnyKey, short_text>)
        return short_key(key).is(*key_at(get_some(first_) + position));
    else
        return false;
}

/// Of a key that is not the next one of a shape's.
template <class... Words>
[[gnu::noinline]] Val& table::find_or_insert_not_next(Words... words) {
    const Val* const there = find_in_row(short_text(words...));
    return there ? const_cast<Val&>(*there) : add_short(words...);
}

/// In a table without an index whose keys lie apart. Mostly it is the shape's next one: then it is
/// not there yet, for a shape has each key once.
template <class... Words>
[[gnu::noinline]] Val& table::find_or_insert_in_shape(Words... words) {
    const short_text key(words...);
    const std::uint32_t count = row_size();
    Val* const place = get_some(first_) + count;
    if (count < capacity_ && short_key(key).is(*key_at(place))) {
        box* const b = memory_.region_in_pool();
        if (!b) __builtin_unreachable();
        if (b->published.load(std::memory_order_relaxed)) return add_short(words...);
        size_ = count + 1;
        return *value_access::new_none(place, b);
    }
    return find_or_insert_not_next(words...);
}

template <class... Words>
[[gnu::noinline]] Val& table::find_or_insert_in_row_apart(Words... key) {
    return find_or_insert_in_row(region(), short_text(key...));
}

template <bool IsRoot>
[[gnu::always_inline]] inline Val& table::find_or_insert_short(box* b, const short_text& key) {
    if (index_) return find_or_insert_anywhere(key.head, key.second, key.third);
    if (has_keys_apart()) return find_or_insert_in_shape(key.head, key.second, key.third);
    if (has_fingerprints(capacity_))
        return find_or_insert_by_fingerprint(key.head, key.second, key.third);
    if (IsRoot) return find_or_insert_in_row(b, key);
    return find_or_insert_in_row_apart(key.head, key.second, key.third);
}

Val& table::find_or_insert_words(std::uint64_t head, std::uint64_t second, std::uint64_t third) {
    return find_or_insert_short<false>(nullptr, short_text(head, second, third));
}

Val& table::find_or_insert(const Key& key) {
    if (key.is_short()) return find_or_insert(key.words());
    Val* const value = find_entry(key.text(), key.hash_).value;
    return value ? *value : add(key.text(), key.hash_, true);
}

namespace {
template <class AnyKey>
void new_key(Val* place, const AnyKey& key, const allocator<char>& memory) {
    if constexpr (std::is_same_v<AnyKey, short_text>)
        value_access::new_short(place, key, memory.region());
    else
        new (place) Val(key, memory);
}
}  // namespace

/// The first chunk of a table whose first key this is.
template <class AnyKey>
void table::begin_with(const AnyKey& key) {
    box* const b = region();
    if constexpr (std::is_same_v<AnyKey, short_text>) {
        if (b) {
            if (const shape* const s = shapes.to_begin_with(arena_of(*b), key)) {
                take_shape(new_chunk(b, key_distance(s->room())), s->room(), s->keys());
                return;
            }
            shapes.miss();
        }
    }
    make_first_chunk(usual_first_capacity(b ? pool_of(*b) : nullptr), b);
}

/// Another key comes than the shape's next one: true when the thread knows a shape that goes on
/// with it; otherwise the table gets keys of its own.
template <class AnyKey>
bool table::leave_shape(const AnyKey& next) {
    arena& a = arena_of(*region());
    Val* const values = get_some(first_);
    const Val* const keys = key_at(values);
    if constexpr (std::is_same_v<AnyKey, short_text>) {
        const std::uint32_t count = positions();
        const shape* const s = shapes.begun_by(a, count != 0 ? words_of(*keys) : next);
        if (s && s->room() == capacity_ && s->count > count && s->begins_with(keys, count) &&
            next.is_stored_at(value_access::stored(s->keys()[count]))) {
            to_keys_ = bytes_between(values, s->keys());
            return true;
        }
    }
    own_keys();
    shapes.leave(a, keys);
    return false;
}

template <class AnyKey>
[[gnu::noinline]] Val& table::add(const AnyKey& key, std::uint32_t hash, bool has_hash) {
    const mutation guard(region());
    const std::size_t position = positions();
    if (!first_) begin_with(key);
    bool has_key = position < capacity_ && shares_keys();
    if (has_key && !is_next_of_shape(key, position)) has_key = leave_shape(key);
    if (!has_key && position < most_in_row && position % smallest_chunk == 0)
        guess.outgrows(position / smallest_chunk);
    if (position >= room()) make_room(position + 1);
    const std::uint32_t its_hash = has_hash ? hash : hash_if(is_hashed(), key);
    const entry_place at = place_at(position);
    if (!has_key) new_key(at.key, key, memory_);  // the last thing that can fail
    new (at.value) Val(memory_);
    set_positions(position + 1, has_holes());
    file(its_hash, position);
    return *at.value;
}

}  // namespace detail

template <class... Words>
[[gnu::noinline]] Val& Val::any_at_short(Words... words) {
    const detail::short_text key(words...);
    if (!detail::is_table(tag)) return (*this)[Val(key.view())];
    return detail::table_of(*this).find_or_insert_words(words...);
}

// Here, where the tables' quickest ways can become a part of them.
Val& Val::at_short(std::uint64_t head, std::uint64_t second, std::uint64_t third) {
    const detail::short_text key(head, second, third);
    if (detail::value_access::is_own(*this, 't'))
        return static_cast<detail::table*>(detail::value_access::own_container(*this))
            ->find_or_insert_words(head, second, third);
    if (detail::value_access::is_handle_of_table(*this)) {
        detail::box* const b = detail::value_access::box_of(*this);
        if (__builtin_expect(detail::is_untouched(*b), true))
            return static_cast<detail::table*>(b->root())->find_or_insert_short<true>(b, key);
    }
    return any_at_short(head, second, third);
}

namespace {
/// Of what is no table that can be read at once; apart, as any_at_short.
[[gnu::noinline]] Val& get_elsewhere(const Val& v, std::uint64_t head, std::uint64_t second,
                                     std::uint64_t third) {
    const detail::short_text key(head, second, third);
    if (!detail::is_table(v.tag)) return v(Val(key.view()));
    return detail::table_of(v)(key.view());
}
}  // namespace

Val& Val::get_short(std::uint64_t head, std::uint64_t second, std::uint64_t third) const {
    if (detail::value_access::is_own(*this, 't'))
        return static_cast<detail::table*>(detail::value_access::own_container(*this))
            ->at_words(head, second, third);
    if (detail::value_access::is_handle_of_table(*this)) {
        detail::box* const b = detail::value_access::box_of(*this);
        if (__builtin_expect(detail::is_untouched(*b), true))
            return static_cast<detail::table*>(b->root())->at_words(head, second, third);
    }
    return get_elsewhere(*this, head, second, third);
}

Val& Val::at_long(const Key& key) {
    return detail::is_table(tag) ? detail::table_of(*this)[key] : (*this)[Val(key.text())];
}

Val& Val::get_long(const Key& key) const {
    return detail::is_table(tag) ? detail::table_of(*this)(key) : (*this)(Val(key.text()));
}

bool Val::contains(const Key& key) const {
    return detail::is_table(tag) ? detail::table_of(*this).contains(key)
                                 : contains(Val(key.text()));
}

namespace {
// Apart, as any_at_short.
[[gnu::noinline]] Val& at_long_text(Val& v, std::string_view key) {
    return detail::is_table(v.tag) ? detail::table_of(v)[key] : v[Val(key)];
}
[[gnu::noinline]] Val& get_long_text(const Val& v, std::string_view key) {
    return detail::is_table(v.tag) ? detail::table_of(v)(key) : v(Val(key));
}
}  // namespace

Val& Val::at_text(std::string_view key) {
    if (key.size() <= detail::short_text::most) return at_short_text(detail::short_text(key));
    return at_long_text(*this, key);
}

Val& Val::get_text(std::string_view key) const {
    if (key.size() <= detail::short_text::most) return get_short_text(detail::short_text(key));
    return get_long_text(*this, key);
}

}  // namespace valpool
