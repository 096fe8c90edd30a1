#include "value/table/shapes.hpp"

/// Which shapes a thread expects.

namespace valpool::detail {

[[gnu::tls_model("initial-exec")]] thread_local constinit shape_guesses shapes;

namespace {

bool is_same(const std::uint64_t (&words)[3], const short_text& text) noexcept {
    return words[0] == text.head && words[1] == text.second && words[2] == text.third;
}

}  // namespace

bool shape_guesses::sequence::sees(const arena& a, std::uint32_t its_hash) noexcept {
    if (nonce == a.nonce && hash == its_hash && times != 0) {
        if (times < enough) ++times;
        return true;
    }
    *this = {a.nonce, its_hash, 1, 0};
    return false;
}

const shape* shape_guesses::begun_by(arena& a, const short_text& first) noexcept {
    const place& its_own = place_of(first);
    return is_same(its_own.first, first) ? its_own.keys.known(a) : nullptr;
}

/// What a wrong guess wastes has a limit: in a small pool it is nothing, and elsewhere the room of
/// so many tables as the thread trusts in before it looks at some.
const shape* shape_guesses::trusted(const arena& a, const shape* s) noexcept {
    if (!s) return nullptr;
    if (key_distance(s->room()) > chunk_bytes(smallest_chunk) && !may_be_roomy(&a)) return nullptr;
    if (uses_ == trust_) return nullptr;
    ++uses_;
    if (should_look_soon()) is_wanted_ = true;
    return s;
}

/// What it has seen of others stays: a stage of a pipeline that adds a key to each packet leaves
/// the shape of each until it has seen the longer keys often enough.
void shape_guesses::leave(arena& a, const Val* keys) noexcept {
    miss();
    for (sequence* const seen : {&root_, &place_of(words_of(*keys)).keys}) {
        const shape* const s = seen->known(a);
        if (s && s->keys() == keys) *seen = {};
    }
}

bool shape::begins_with(const Val* first_keys, std::size_t how_many) const noexcept {
    const auto is_same = [](const Val& a, const Val& b) {
        return words_of(a).is_stored_at(value_access::stored(b));
    };
    return how_many <= count && std::equal(first_keys, first_keys + how_many, keys(), is_same);
}

/// Looks at the tables in a box.
class shape_learner {
public:
    shape_learner(arena& a, shape_store& store, shape_guesses& guesses) noexcept
        : arena_(a), store_(store), guesses_(guesses) {}

    /// Of a box whose root object can have tables.
    void look_at_root(const box& b) noexcept {
        if (b.root_tag == 'n') return look_at(*static_cast<const Arr*>(b.root()), 0);
        const table& t = *static_cast<const table*>(b.root());
        if (key_sequence keys; collect(t, keys))
            note(guesses_.root_, keys, keys.hash());
        else
            guesses_.root_ = {};
        look_at(t, 0);
    }
    static bool can_have_tables(const box& b) noexcept {
        return b.root_tag == 't' || b.root_tag == 'o' ||
               (b.root_tag == 'n' && b.root_subtype == 'Z');
    }
    /// Whether looking at further boxes may bring a shape.
    bool is_learning() const noexcept { return is_learning_; }

private:
    static constexpr unsigned deepest = 8;
    static constexpr std::size_t most_elements = 4;  // of a list

    bool goes_on() noexcept {
        if (containers_left_ == 0) return false;
        --containers_left_;
        return true;
    }

    /// False if they cannot be a shape's.
    static bool collect(const table& t, key_sequence& keys) noexcept {
        const std::uint32_t count = t.positions();
        if (count < least_keys_of_shape || count > most_keys_of_shape || t.has_holes())
            return false;
        for (std::uint32_t i = 0; i != count; ++i)
            if (!keys.add(*t.place_at(i).key)) return false;
        return true;
    }

    void look_at(const table& t, unsigned depth) noexcept {
        if (!t.has_holes() && t.positions() != 0 && is_short_text(*t.place_at(0).key)) {
            const short_text first = words_of(*t.place_at(0).key);
            shape_guesses::place& place = guesses_.place_of(first);
            if (!is_same(place.first, first)) place = {{first.head, first.second, first.third}, {}};
            if (key_sequence keys; collect(t, keys))
                note(place.keys, keys, keys.hash());
            else
                place.keys = {};
        }
        if (depth == deepest || t.has_holes() || !goes_on()) return;
        const std::uint32_t count = std::min<std::uint32_t>(t.positions(), most_in_row);
        for (std::uint32_t i = 0; i != count; ++i) look_into(*t.place_at(i).value, depth + 1);
    }
    void look_into(const Val& v, unsigned depth) noexcept {
        if (value_access::is_own(v, 't') || value_access::is_own(v, 'o')) {
            look_at(*static_cast<const table*>(value_access::own_container(v)), depth);
        } else if (value_access::is_own(v, 'n')) {
            look_at(*static_cast<const Arr*>(value_access::own_container(v)), depth);
        }
    }
    void look_at(const Arr& list, unsigned depth) noexcept {
        if (depth == deepest || !goes_on()) return;
        const std::size_t count = std::min<std::size_t>(list.length(), most_elements);
        for (std::size_t i = 0; i != count; ++i) look_into(list(i), depth + 1);
    }
    void note(shape_guesses::sequence& seen, const key_sequence& keys,
              std::uint32_t hash) noexcept {
        const bool is_again = seen.sees(arena_, hash);
        if (seen.offset != 0) return;
        if (is_again && seen.times == shape_guesses::enough) {
            const shape* const s = store_.add(arena_, hash, keys);
            if (s) seen.offset = arena_.offset_of(s);
            is_learning_ |= s != nullptr;
        } else {
            is_learning_ |= is_again;
        }
    }

    arena& arena_;
    shape_store& store_;
    shape_guesses& guesses_;
    unsigned containers_left_ = 64;
    bool is_learning_ = false;
};

/// As rarely as it brings nothing: a program that never repeats its keys must not pay for that.
void shape_guesses::learn(arena& a, const box& b) noexcept {
    is_wanted_ = false;
    if (misses_ < pause_ && !should_look_soon()) return;
    misses_ = 0;
    shape_store* const store = shape_store::of(a);
    if (!store || !is_untouched(b) || !shape_learner::can_have_tables(b)) return;
    shape_learner learner(a, *store, *this);
    learner.look_at_root(b);
    // Packets with many tables need more than one with few. A wrong guess is forgotten now.
    trust_ = std::clamp(2 * uses_, least_trust, most_trust);
    uses_ = 0;
    pause_ = learner.is_learning() ? 1 : std::min(2 * pause_, longest_pause);
}

std::uint32_t key_sequence::hash() const noexcept {
    constexpr std::uint64_t spread = 0x9e3779b97f4a7c15;
    std::uint64_t sum = count_;
    for (std::uint32_t i = 0; i != count_; ++i)
        for (const std::uint64_t word :
             {keys_[i].text.head, keys_[i].text.second, keys_[i].text.third})
            sum = std::rotl((sum ^ word) * spread, 29);
    return static_cast<std::uint32_t>(sum * spread >> 32);
}

bool key_sequence::is(const shape& s) const noexcept {
    if (s.count != count_) return false;
    for (std::uint32_t i = 0; i != count_; ++i)
        if (!keys_[i].text.is_stored_at(value_access::stored(s.keys()[i]))) return false;
    return true;
}

}  // namespace valpool::detail
