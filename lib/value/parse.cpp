#include <valpool/parse.hpp>

#include "value/big_number.hpp"
#include "value/containers.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <vector>

/// Values from text.

namespace valpool {

using namespace detail;

namespace {

bool is_digit(char c) noexcept { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool is_word(char c) noexcept {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// The text, and how far it has been read.
class scanner {
public:
    scanner(std::string_view text, std::size_t position) noexcept
        : text_(text), position_(position) {}

    std::size_t position() const noexcept { return position_; }
    void go_back(std::size_t position) noexcept { position_ = position; }
    bool at_end() const noexcept { return position_ == text_.size(); }
    char peek(std::size_t ahead = 0) const noexcept {
        return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
    }
    char take() {
        if (at_end()) fail("the text ends in the middle of a value");
        return text_[position_++];
    }
    std::string_view rest() const noexcept { return text_.substr(position_); }
    void skip(std::size_t count) noexcept { position_ += count; }

    void skip_space() noexcept {
        while (!at_end()) {
            if (peek() == '#') {
                position_ = std::min(text_.find('\n', position_), text_.size());
            } else if (std::isspace(static_cast<unsigned char>(peek()))) {
                ++position_;
            } else {
                return;
            }
        }
    }
    bool take_if(char c) noexcept {
        if (at_end() || peek() != c) return false;
        ++position_;
        return true;
    }
    /// A word, not the start of a longer one.
    bool take_word(std::string_view word) noexcept {
        if (rest().substr(0, word.size()) != word || is_word(peek(word.size()))) return false;
        position_ += word.size();
        return true;
    }
    void expect(char c, const char* what) {
        skip_space();
        if (!take_if(c)) fail(std::string("expected ") + what);
    }

    [[noreturn]] void fail(const std::string& why) const { fail_at(position_, why); }
    [[noreturn]] void fail_at(std::size_t place, const std::string& why) const {
        const std::string_view before = text_.substr(0, place);
        const auto line = 1 + std::count(before.begin(), before.end(), '\n');
        const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
        const std::size_t column = place - line_start;
        constexpr std::size_t around = 30;
        const std::size_t first = column > around ? place - around : line_start;
        std::string excerpt(text_.substr(first, place - first + around));
        excerpt.erase(std::min(excerpt.find('\n', place - first), excerpt.size()));
        std::string marker(place - first, ' ');
        for (char& c : excerpt)
            if (std::iscntrl(static_cast<unsigned char>(c))) c = ' ';
        std::ostringstream message;
        message << "line " << line << ", column " << column + 1 << ": " << why << "\n    "
                << excerpt << "\n    " << marker << '^';
        throw std::logic_error(message.str());
    }

private:
    std::string_view text_;
    std::size_t position_;
};

// --- numbers ----------------------------------------------------------------------------------

bool starts_number(const scanner& s) noexcept {
    const std::size_t sign = s.peek() == '-' || s.peek() == '+' ? 1 : 0;
    const char c = s.peek(sign);
    const std::string_view word = s.rest().substr(sign, 3);
    return is_digit(c) || (c == '.' && is_digit(s.peek(sign + 1))) || word == "inf" ||
           word == "nan";
}

struct number_text {
    std::string_view text;  // without a leading plus
    bool is_integer;
};

/// Whether the text goes on like this at a place that may lie behind its end.
bool has_at(std::string_view text, std::size_t place, std::string_view what) noexcept {
    return place <= text.size() && text.substr(place, what.size()) == what;
}

number_text scan_number(scanner& s) {
    if (s.peek() == '+') s.skip(1);
    const std::string_view rest = s.rest();
    std::size_t end = has_at(rest, 0, "-") ? 1 : 0;
    if (has_at(rest, end, "inf") || has_at(rest, end, "nan")) {
        s.skip(end + 3);
        return {rest.substr(0, end + 3), false};
    }
    const auto digits = [&] {
        while (end < rest.size() && is_digit(rest[end])) ++end;
    };
    bool is_integer = true;
    if (has_at(rest, end, "0x") || has_at(rest, end, "0X")) {
        end += 2;
        while (end < rest.size() && std::isxdigit(static_cast<unsigned char>(rest[end]))) ++end;
    } else {
        digits();
        if (has_at(rest, end, ".")) {
            is_integer = false;
            ++end;
            digits();
        }
        std::size_t exponent = end + 1;
        if (has_at(rest, exponent, "+") || has_at(rest, exponent, "-")) ++exponent;
        const bool has_exponent = (has_at(rest, end, "e") || has_at(rest, end, "E")) &&
                                  exponent < rest.size() && is_digit(rest[exponent]);
        if (has_exponent) {
            is_integer = false;
            end = exponent;
            digits();
        }
    }
    s.skip(end);
    return {rest.substr(0, end), is_integer};
}

real_8 real_of(std::string_view text) {
    real_8 value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    // What is too large is infinite, what is too small is zero.
    if (result.ec == std::errc::result_out_of_range)
        return std::strtod(std::string(text).c_str(), nullptr);
    return value;
}

Val integer_of(std::string_view text, bool is_long) {
    const bool negative = text.front() == '-';
    const std::string_view digits = text.substr(negative ? 1 : 0);
    const bool is_hex = digits.size() > 1 && (digits[1] == 'x' || digits[1] == 'X');
    if (!is_long) {
        int_u8 magnitude = 0;
        const char* const first = digits.data() + (is_hex ? 2 : 0);
        const char* const last = digits.data() + digits.size();
        if (std::from_chars(first, last, magnitude, is_hex ? 16 : 10).ec == std::errc{}) {
            const wide_int value = negative ? -static_cast<wide_int>(magnitude) : magnitude;
            if (value == static_cast<int_4>(value)) return static_cast<int_4>(value);
            if (value == static_cast<int_8>(value)) return static_cast<int_8>(value);
            if (value > 0) return magnitude;
        }
    }
    return int_n(text);
}

Val parse_number(scanner& s) {
    const std::size_t start = s.position();
    const number_text n = scan_number(s);
    if (!n.is_integer) return real_of(n.text);
    if (!is_digit(n.text.back()) && !std::isxdigit(static_cast<unsigned char>(n.text.back())))
        s.fail_at(start, "this is no number");
    return integer_of(n.text, s.take_if('L') || s.take_if('l'));
}

/// "(1-2.5j)": nothing, and nothing taken, when it is not that.
std::optional<Val> try_complex(scanner& s) {
    const std::size_t start = s.position();
    const auto no = [&] {
        s.go_back(start);
        return std::optional<Val>();
    };
    s.skip(1);
    s.skip_space();
    if (!starts_number(s)) return no();
    const real_8 re = real_of(scan_number(s).text);
    if (s.peek() != '+' && s.peek() != '-') return no();
    if (!starts_number(s)) return no();
    const real_8 im = real_of(scan_number(s).text);
    if (!s.take_if('j')) return no();
    s.skip_space();
    if (!s.take_if(')')) return no();
    return Val(complex_16(re, im));
}

// --- text -------------------------------------------------------------------------------------

unsigned hex_digits(scanner& s, int count) {
    unsigned value = 0;
    for (int i = 0; i < count; ++i) {
        const char c = s.take();
        if (!std::isxdigit(static_cast<unsigned char>(c)))
            s.fail_at(s.position() - 1, "expected a hexadecimal digit");
        value = value * 16 + static_cast<unsigned>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

void append_utf8(std::string& text, unsigned code) {
    const auto byte = [&text](unsigned bits) { text += static_cast<char>(bits); };
    if (code < 0x80) return byte(code);
    if (code < 0x800) {
        byte(0xc0 | (code >> 6));
    } else {
        byte(0xe0 | (code >> 12));
        byte(0x80 | ((code >> 6) & 0x3f));
    }
    byte(0x80 | (code & 0x3f));
}

void parse_escape(scanner& s, std::string& text) {
    const char c = s.take();
    switch (c) {
        case 'n': text += '\n'; return;
        case 't': text += '\t'; return;
        case 'r': text += '\r'; return;
        case 'a': text += '\a'; return;
        case 'b': text += '\b'; return;
        case 'f': text += '\f'; return;
        case 'v': text += '\v'; return;
        case '0': text += '\0'; return;
        case '\n': return;
        case '\\':
        case '\'':
        case '"': text += c; return;
        case 'x': text += static_cast<char>(hex_digits(s, 2)); return;
        case 'u': append_utf8(text, hex_digits(s, 4)); return;
        default: text += '\\'; text += c;  // as in Python
    }
}

std::string parse_text(scanner& s) {
    const std::size_t start = s.position();
    const char quote = s.take();
    std::string text;
    for (;;) {
        if (s.at_end()) s.fail_at(start, "this text has no end");
        const char c = s.take();
        if (c == quote) return text;
        if (c == '\\')
            parse_escape(s, text);
        else
            text += c;
    }
}

// --- arrays of numbers ------------------------------------------------------------------------

template <class T>
Val array_of(const std::vector<Val>& numbers) {
    Array<T> array;
    array.expandTo(numbers.size());
    for (const Val& n : numbers) array.append(static_cast<T>(n));
    return array;
}

Val array_of_code(char code, const std::vector<Val>& numbers, const scanner& s,
                  std::size_t code_place) {
    const auto all = [&](auto is_so) {
        return !numbers.empty() && std::all_of(numbers.begin(), numbers.end(), is_so);
    };
    const auto any = [&](auto is_so) { return std::any_of(numbers.begin(), numbers.end(), is_so); };
    switch (code) {
        case '1': return array_of<int_1>(numbers);
        case 'b':
            return all([](const Val& n) { return n.tag == 'b'; }) ? array_of<bool>(numbers)
                                                                  : array_of<int_u1>(numbers);
        case 's': return array_of<int_2>(numbers);
        case 'w': return array_of<int_u2>(numbers);
        case 'i': return array_of<int_4>(numbers);
        case 'u': return array_of<int_u4>(numbers);
        case 'l':
            return any([](const Val& n) { return n.tag == 'X'; }) ? array_of<int_u8>(numbers)
                                                                  : array_of<int_8>(numbers);
        case 'f': return array_of<real_4>(numbers);
        case 'd': return array_of<real_8>(numbers);
        case 'F': return array_of<complex_8>(numbers);
        case 'D': return array_of<complex_16>(numbers);
        default: s.fail_at(code_place, "there is no array of this code");
    }
}

Val parse_array_element(scanner& s) {
    if (s.take_word("True")) return true;
    if (s.take_word("False")) return false;
    if (s.peek() == '(')
        if (auto complex = try_complex(s)) return *complex;
    if (!starts_number(s)) s.fail("expected a number");
    return parse_number(s);
}

/// Behind the word "array".
Val parse_array(scanner& s) {
    s.expect('(', "'(' after array");
    s.expect('[', "'['");
    std::vector<Val> numbers;
    s.skip_space();
    while (!s.take_if(']')) {
        numbers.push_back(parse_array_element(s));
        s.skip_space();
        if (!s.take_if(',') && s.peek() != ']') s.fail("expected ',' or ']'");
        s.skip_space();
    }
    s.expect(',', "',' and the code of the array's type");
    s.skip_space();
    const std::size_t place = s.position();
    if (s.peek() != '\'' && s.peek() != '"') s.fail("expected the code of the array's type");
    const std::string code = parse_text(s);
    s.expect(')', "')'");
    return array_of_code(code.size() == 1 ? code[0] : '?', numbers, s, place);
}

// --- containers -------------------------------------------------------------------------------

/// A container that is not complete yet. They stand on a stack of their own: nesting of any depth
/// must not use up the thread's.
struct open_container {
    enum kind { list, tuple, table, ordered, ordered_pairs } what;
    std::size_t place;
    Arr items;  // of a list or tuple
    Val whole;  // of the others
    Val key;
    bool has_key = false;
    bool is_in_key = false;  // this container is itself a part of a key

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
    /// A whole value, or nothing when it has opened a container.
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
        if (in_key && ++key_levels_ > most_key_levels) s_.fail("a key of too many levels");
        s_.skip(skipped);
        open_.push_back({what, place, {}, {}, {}, false, in_key});
        if (what == open_container::table) open_.back().whole = Tab();
        if (what == open_container::ordered || what == open_container::ordered_pairs)
            open_.back().whole = OTab();
        return {};
    }

    bool expects_key() const noexcept { return open_.back().is_table() && !open_.back().has_key; }

    /// What stands in the innermost container next, or that container when it is complete.
    std::optional<Val> end_or_next() {
        s_.skip_space();
        if (s_.at_end()) s_.fail_at(open_.back().place, "this has no end");
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
                table_of(c.whole)[value(0)] = std::move(value(1));
                return;
            }
            default:
                table_of(c.whole)[c.key] = std::move(value);
                c.key.reset();
                c.has_key = false;
        }
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

    /// Tables look keys up by comparing them, which recurses into keys of keys.
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
    Val v = parser(s, limits).parse();
    s.skip_space();
    position = s.position();
    return v;
}

std::string content_of(std::istream& in) {
    std::ostringstream content;
    content << in.rdbuf();
    return content.str();
}

}  // namespace

Val parse(std::string_view text, const parse_limits& limits) {
    std::size_t position = 0;
    Val v = parse_from(text, position, limits);
    if (position != text.size()) scanner(text, position).fail("something follows the value");
    return v;
}

void ReadValFromStream(std::istream& in, Val& v) { v = parse(content_of(in)); }

void ReadValFromFile(const std::string& filename, Val& v) {
    std::ifstream in(filename, std::ios::binary);
    if (!in) throw std::runtime_error("the file '" + filename + "' cannot be read");
    try {
        ReadValFromStream(in, v);
    } catch (const std::logic_error& e) {
        throw std::logic_error("file '" + filename + "', " + e.what());
    }
}

void ReadTabFromFile(const std::string& filename, Tab& t) {
    Val v;
    ReadValFromFile(filename, v);
    t = static_cast<Tab&>(v);
}

void WriteValToStream(const Val& v, std::ostream& out) {
    v.prettyPrint(out);
    if (!is_table(v.tag) && !is_row(v)) out << '\n';
}

void WriteValToFile(const Val& v, const std::string& filename) {
    std::ofstream out(filename, std::ios::binary);
    WriteValToStream(v, out);
    if (!out.flush()) throw std::runtime_error("the file '" + filename + "' cannot be written");
}

void WriteTabToFile(const Tab& t, const std::string& filename) { WriteValToFile(t, filename); }

void ValReader::expectAnything(Val& v) { v = parse_from(text_, position_, parse_limits()); }
void ValReader::expectTab(Tab& t) {
    Val v;
    expectAnything(v);
    t = static_cast<Tab&>(v);
}
void ValReader::expectArr(Arr& a) {
    Val v;
    expectAnything(v);
    a = static_cast<Arr&>(v);
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
