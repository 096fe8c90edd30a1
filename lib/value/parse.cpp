#include <valpool/value/parse.hpp>

#include "value/containers.hpp"
#include "value/key_collisions.hpp"
#include "value/scanner.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

/// Values from text.

namespace valpool {

using namespace detail;

namespace {

// --- arrays of numbers ------------------------------------------------------------------------

struct placed_number {
    Val number;
    std::size_t place;
};

template <class T>
Val array_of(const std::vector<placed_number>& numbers, const scanner& s) {
    Array<T> array;
    array.resize(numbers.size());
    for (const auto& [number, place] : numbers) {
        try {
            array.append(number.template as<T>());
        } catch (const std::logic_error& e) {
            s.fail_at(place, e.what());
        }
    }
    return array;
}

Val array_of_tag(char tag, const std::vector<placed_number>& numbers, const scanner& s) {
    return visit_number_type(
        tag, [&](auto type) { return array_of<typename decltype(type)::type>(numbers, s); });
}

/// The tag that a letter means for these numbers: 'b' and 'l' each stand for two types.
char tag_of_letter(char letter, const std::vector<placed_number>& numbers, const scanner& s,
                   std::size_t place) {
    const auto has_tag = [](char tag) {
        return [tag](const placed_number& n) { return n.number.tag == tag; };
    };
    const type_row* const type = find_type_of_letter(letter);
    if (!type) s.fail_at(place, "no array type has this code");
    if (letter == 'b' && !numbers.empty() &&
        std::all_of(numbers.begin(), numbers.end(), has_tag('b')))
        return number_tag<bool>();
    if (letter == 'l' && std::any_of(numbers.begin(), numbers.end(), has_tag('X')))
        return number_tag<int_u8>();
    return type->tag;
}

/// The tag when the text gives no letter: a type that holds all the numbers.
char usual_tag(const std::vector<placed_number>& numbers) {
    const auto has = [&numbers](char tag) {
        return std::any_of(numbers.begin(), numbers.end(),
                           [tag](const placed_number& n) { return n.number.tag == tag; });
    };
    if (has(number_tag<complex_16>())) return number_tag<complex_16>();
    if (has(number_tag<real_8>())) return number_tag<real_8>();
    if (has(number_tag<int_u8>())) return number_tag<int_u8>();
    return has(number_tag<int_8>()) ? number_tag<int_8>() : number_tag<int_4>();
}

bool is_single_precision(char tag) noexcept {
    return tag == number_tag<real_4>() || tag == number_tag<complex_8>();
}

Val parse_array_element(scanner& s, precision reals) {
    if (s.take_word("True")) return true;
    if (s.take_word("False")) return false;
    if (s.peek() == '(')
        if (auto complex = try_complex(s, reals)) return *complex;
    if (!starts_number(s)) s.fail("expected a number");
    return parse_number(s, reals);
}

/// Reads the numbers again in single precision, once the code after them says that the array has
/// it: a number that is rounded twice is not always the nearest.
void round_once(std::vector<placed_number>& numbers, const scanner& s) {
    scanner again(s);
    for (auto& [number, place] : numbers) {
        again.go_back(place);
        Val rounded = parse_array_element(again, precision::single_);
        // A number that becomes infinite does not fit. The error must name the number as it was, so
        // it stays.
        const complex_16 before = number;
        const complex_16 after = rounded;
        if (std::isfinite(before.re) == std::isfinite(after.re) &&
            std::isfinite(before.im) == std::isfinite(after.im))
            number = std::move(rounded);
    }
}

/// Reads what follows the word "dtype": NumPy's name of the array's type.
Val parse_array_type(scanner& s, std::vector<placed_number>& numbers) {
    s.expect('=', "'=' after dtype");
    s.skip_space();
    for (const type_row& type : type_rows) {
        if (!type.numpy_name || !s.take_word(type.numpy_name)) continue;
        s.expect(')', "')'");
        if (is_single_precision(type.tag)) round_once(numbers, s);
        return array_of_tag(type.tag, numbers, s);
    }
    s.fail("no array type has this name");
}

/// Reads what follows the word "array".
Val parse_array(scanner& s) {
    s.expect('(', "'(' after array");
    s.expect('[', "'['");
    std::vector<placed_number> numbers;
    s.skip_space();
    while (!s.take_if(']')) {
        const std::size_t element = s.position();
        numbers.push_back({parse_array_element(s, precision::double_), element});
        const std::size_t behind = s.position();
        s.skip_space();
        const bool is_apart = s.take_if(',') || s.position() != behind;
        if (!is_apart && s.peek() != ']') s.fail("expected ',' or ']'");
        s.skip_space();
    }
    s.skip_space();
    if (s.take_if(')')) return array_of_tag(usual_tag(numbers), numbers, s);
    s.expect(',', "')', or ',' and the code of the array's type");
    s.skip_space();
    const std::size_t place = s.position();
    if (s.take_word("dtype")) return parse_array_type(s, numbers);
    if (s.peek() != '\'' && s.peek() != '"') s.fail("expected the code of the array's type");
    const std::string code = parse_text(s);
    s.expect(')', "')'");
    const char tag = tag_of_letter(code.size() == 1 ? code[0] : '?', numbers, s, place);
    if (is_single_precision(tag)) round_once(numbers, s);
    return array_of_tag(tag, numbers, s);
}

// --- containers -------------------------------------------------------------------------------

/// A container that is not complete yet. Open containers are kept on a stack of their own, so that
/// deep nesting does not use up the thread's stack.
struct open_container {
    enum kind { list, tuple, table, ordered, ordered_pairs } what;
    std::size_t place;
    Arr items;  // of a list or tuple
    Val whole;  // of the others
    Val key;
    bool has_key = false;
    bool is_in_key = false;  // this container is a part of a key
    key_collisions collisions{};

    bool is_table() const noexcept { return what == table || what == ordered; }
    char close() const noexcept { return what == tuple ? ')' : is_table() ? '}' : ']'; }
};

class parser {
public:
    parser(scanner& s, const parse_limits& limits) : s_(s), limits_(limits) {}

    Val parse() {
        std::optional<Val> done = begin_value();
        for (;;) {
            if (done) {
                if (open_.empty()) return std::move(*done);
                deliver(std::move(*done));
                done.reset();
            }
            done = end_or_next();
        }
    }

private:
    /// Reads a whole value; returns nothing when it has opened a container instead.
    std::optional<Val> begin_value() {
        s_.skip_space();
        const std::size_t place = s_.position();
        switch (s_.peek()) {
            case '{': return open(open_container::table, place, 1);
            case '[': return open(open_container::list, place, 1);
            case '(':
                if (auto complex = try_complex(s_)) return complex;
                return open(open_container::tuple, place, 1);
            case '\'':
            case '"': return Val(parse_text(s_));
            default: break;
        }
        if (s_.rest().substr(0, 2) == "o{") return open(open_container::ordered, place, 2);
        if (s_.take_word("None")) return Val();
        if (s_.take_word("True")) return Val(true);
        if (s_.take_word("False")) return Val(false);
        if (s_.take_word("array")) return parse_array(s_);
        if (s_.take_word("OrderedDict")) return open_ordered_dict(place);
        if (starts_number(s_)) return parse_number(s_);
        s_.fail(s_.at_end() ? "the text ends where a value should be" : "expected a value");
    }

    std::optional<Val> open_ordered_dict(std::size_t place) {
        s_.expect('(', "'(' after OrderedDict");
        s_.skip_space();
        if (s_.take_if(')')) return Val(OTab());
        s_.expect('[', "'['");
        return open(open_container::ordered_pairs, place, 0);
    }

    std::optional<Val> open(open_container::kind what, std::size_t place, std::size_t skipped) {
        if (open_.size() >= limits_.depth)
            s_.fail("more than " + std::to_string(limits_.depth) + " levels");
        const bool in_key = !open_.empty() && (open_.back().is_in_key || expects_key());
        if (in_key && ++key_levels_ > most_key_levels) s_.fail("a key with too many levels");
        s_.skip(skipped);
        open_.push_back({what, place, {}, {}, {}, false, in_key});
        if (what == open_container::table) open_.back().whole = Tab();
        if (what == open_container::ordered || what == open_container::ordered_pairs)
            open_.back().whole = OTab();
        return {};
    }

    bool expects_key() const noexcept { return open_.back().is_table() && !open_.back().has_key; }

    /// Reads the next element of the innermost container, or returns that container when it is
    /// complete.
    std::optional<Val> end_or_next() {
        s_.skip_space();
        if (s_.at_end()) s_.fail_at(open_.back().place, "this container is not closed");
        if (!open_.back().has_key && s_.take_if(open_.back().close())) return finish();
        return begin_value();
    }

    void deliver(Val&& value) {
        open_container& c = open_.back();
        if (expects_key()) {
            c.key = std::move(value);
            c.has_key = true;
            s_.expect(':', "':' after the key");
            return;
        }
        add(c, std::move(value));
        s_.skip_space();
        if (s_.take_if(',') || s_.peek() == c.close()) return;
        s_.fail(std::string("expected ',' or '") + c.close() + "'");
    }

    void add(open_container& c, Val&& value) {
        switch (c.what) {
            case open_container::list:
            case open_container::tuple:
                c.items.append(Val());
                c.items(c.items.length() - 1) = std::move(value);
                return;
            case open_container::ordered_pairs: {
                if (value.tag != 'u' || value.length() != 2)
                    s_.fail_at(c.place, "an OrderedDict consists of pairs (key, value)");
                return insert(c, value(0), std::move(value(1)));
            }
            case open_container::table:
            case open_container::ordered:
                insert(c, c.key, std::move(value));
                c.key.reset();
                c.has_key = false;
        }
    }

    void insert(open_container& c, const Val& key, Val&& value) {
        detail::table& keys = table_of(c.whole);
        c.collisions.expect(keys, key);
        keys[key] = std::move(value);
        if (!c.collisions.accepts(keys)) s_.fail_at(c.place, key_collisions::refusal);
    }

    Val finish() {
        open_container c = std::move(open_.back());
        open_.pop_back();
        if (c.is_in_key) --key_levels_;
        if (c.what == open_container::ordered_pairs) s_.expect(')', "')' after OrderedDict's list");
        if (c.what == open_container::list) {
            Val list = Arr();
            static_cast<Arr&>(list).swap(c.items);
            return list;
        }
        if (c.what != open_container::tuple) return std::move(c.whole);
        Val tuple = Tup();
        static_cast<Tup&>(tuple).take(c.items);
        return tuple;
    }

    /// Tables find keys by comparing them, which recurses into the containers in a key.
    static constexpr std::size_t most_key_levels = 64;

    scanner& s_;
    const parse_limits& limits_;
    std::vector<open_container> open_;
    std::size_t key_levels_ = 0;
};

Val parse_from(std::string_view text, std::size_t& position, const parse_limits& limits) {
    scanner s(text, position);
    if (text.size() > limits.size_bytes)
        throw std::logic_error("a text of " + std::to_string(text.size()) + " bytes; at most " +
                               std::to_string(limits.size_bytes) + " are allowed");
    try {
        Val v = parser(s, limits).parse();
        s.skip_space();
        position = s.position();
        return v;
    } catch (...) {
        position = std::min(s.position() + 1, text.size());  // for a caller that reads on
        throw;
    }
}

}  // namespace

Val parse(std::string_view text, const parse_limits& limits) {
    std::size_t position = 0;
    Val v = parse_from(text, position, limits);
    if (position != text.size()) scanner(text, position).fail("something follows the value");
    return v;
}

bool ValReader::expectAnything(Val& v) {
    v = parse_from(text_, position_, parse_limits());
    return true;
}
namespace {
template <class T>
bool expect(ValReader& reader, T& to) {
    Val v;
    reader.expectAnything(v);
    to = v.as<T>();
    return true;
}
}  // namespace
bool ValReader::expectTab(Tab& t) { return expect(*this, t); }
bool ValReader::expectArr(Arr& a) { return expect(*this, a); }
bool ValReader::expectOTab(OTab& t) { return expect(*this, t); }
bool ValReader::expectTup(Tup& t) { return expect(*this, t); }
bool ValReader::expectStr(std::string& text) { return expect(*this, text); }
bool ValReader::expectNumber(Val& number) {
    Val v;
    expectAnything(v);
    if (v.tag == 'b' || (ByteLength(v.tag) == 0 && !is_big(v.tag)))
        throw std::logic_error("a value of type " + value_access::type_name(v) +
                               " is not a number");
    number = std::move(v);
    return true;
}
bool ValReader::expectNumericArray(Val& array) {
    Val v;
    expectAnything(v);
    if (v.tag != 'n' || v.subtype == 'Z')
        throw std::logic_error("a value of type " + value_access::type_name(v) +
                               " is not an array of numbers");
    array = std::move(v);
    return true;
}
bool ValReader::EOFComing() const {
    scanner s(text_, position_);
    s.skip_space();
    return s.at_end();
}

Tab::Tab(const std::string& text) { *this = static_cast<Tab&>(parse(text)); }
OTab::OTab(const std::string& text) { *this = static_cast<OTab&>(parse(text)); }

namespace detail {
Arr parse_list(const std::string& text) { return static_cast<Arr&>(parse(text)); }
}  // namespace detail

}  // namespace valpool
