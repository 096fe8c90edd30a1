#include <valpool/base/error.hpp>
#include <valpool/value/print.hpp>
#include <valpool/value/proxy.hpp>
#include <valpool/value/val.hpp>

#include "base/utf8.hpp"
#include "value/big_number.hpp"
#include "value/containers.hpp"
#include "value/open_levels.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ostream>
#include <sstream>
#include <streambuf>
#include <string>
#include <utility>
#include <vector>

/// Values as Python literals.

namespace valpool {

using namespace detail;

namespace {

/// Whether the text's bytes from `i` on are a control character beyond ASCII, which terminals obey:
/// U+0080 to U+009F. For UTF-8.
bool is_upper_control(std::string_view text, std::size_t i) noexcept {
    return text[i] == '\xc2' && static_cast<unsigned char>(text[i + 1]) < 0xa0;
}

void print_hex(std::ostream& out, unsigned char byte) {
    constexpr char hex[] = "0123456789abcdef";
    out << "\\x" << hex[byte >> 4] << hex[byte & 15];
}

void print_byte(std::ostream& out, char c, char quote) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\')
        out << '\\' << c;
    else if (c == '\n')
        out << "\\n";
    else if (c == '\t')
        out << "\\t";
    else if (c == '\r')
        out << "\\r";
    else if (byte < 0x20 || byte >= 0x7f)
        print_hex(out, byte);
    else
        out << c;
}

void print_string(std::ostream& out, std::string_view text, bool shows_utf8) {
    const bool has_single = text.find('\'') != std::string_view::npos;
    const bool has_double = text.find('"') != std::string_view::npos;
    const char quote = has_single && !has_double ? '"' : '\'';
    shows_utf8 = shows_utf8 && is_utf8(text);
    out << quote;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_beyond_ascii = static_cast<unsigned char>(text[i]) >= 0x80;
        if (!shows_utf8 || !is_beyond_ascii) {
            print_byte(out, text[i], quote);
        } else if (is_upper_control(text, i)) {
            print_hex(out, static_cast<unsigned char>(text[i]));
            print_hex(out, static_cast<unsigned char>(text[++i]));
        } else {
            out << text[i];
        }
    }
    out << quote;
}

/// `digits` written without an exponent: their point stands after the first digit, and `exponent`
/// moves it.
std::string without_exponent(std::string digits, int exponent) {
    if (exponent < 0)
        return "0." + std::string(static_cast<std::size_t>(-exponent) - 1, '0') + digits;
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() < whole) digits.resize(whole, '0');
    if (digits.size() > whole) digits.insert(whole, 1, '.');
    return digits;
}

/// The fewest digits that read back as the same number. In fixed notation std::to_chars gives all
/// digits of a large number instead, and the last of them carry no information.
template <class Real>
std::string digits_of(Real r) {
    if (std::isnan(r)) return "nan";
    if (std::isinf(r)) return r < 0 ? "-inf" : "inf";
    std::array<char, 32> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(r),
                                   std::chars_format::scientific)
                         .ptr;
    const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
    const std::size_t e = text.find('e');
    int exponent = 0;
    std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), end, exponent);
    std::string result = std::signbit(r) ? "-" : "";
    if (exponent < -4 || exponent >= 22) return result.append(text);
    std::string digits(text.substr(0, e));
    if (digits.size() > 1) digits.erase(1, 1);  // the point
    return result.append(without_exponent(std::move(digits), exponent));
}

template <class Real>
void print_real(std::ostream& out, Real r) {
    const std::string digits = digits_of(r);
    out << digits;
    if (digits.find_first_of(".en") == std::string::npos) out << ".0";
}

template <class Real>
void print_complex(std::ostream& out, const cx_t<Real>& c) {
    out << '(' << digits_of(c.re) << (std::signbit(c.im) && !std::isnan(c.im) ? "" : "+")
        << digits_of(c.im) << "j)";
}

void print_number(std::ostream& out, bool b) { out << (b ? "True" : "False"); }
void print_number(std::ostream& out, real_4 r) { print_real(out, r); }
void print_number(std::ostream& out, real_8 r) { print_real(out, r); }
void print_number(std::ostream& out, const complex_8& c) { print_complex(out, c); }
void print_number(std::ostream& out, const complex_16& c) { print_complex(out, c); }
template <class T>
void print_number(std::ostream& out, T i) {
    std::array<char, 24> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), +i).ptr;
    out.write(text.data(), end - text.data());
}

/// How many of `count` elements are printed.
std::size_t shown_of(std::size_t count, const print_style& style) noexcept {
    return style.most_elements == 0 ? count : std::min(count, style.most_elements);
}

void print_rest(std::ostream& out, std::size_t shown, std::size_t count) {
    if (shown < count) out << "... " << count - shown << " more";
}

/// Printed as a list: Python's array module does not have a letter for strings.
void print_array(std::ostream& out, const Array<std::string>& a, const print_style& style) {
    const std::size_t shown = shown_of(a.length(), style);
    out << '[';
    for (std::size_t i = 0; i < shown; ++i) {
        print_string(out, a(i).view(), style.shows_utf8);
        if (i + 1 != a.length()) out << ", ";
    }
    print_rest(out, shown, a.length());
    out << ']';
}

template <class T>
void print_array(std::ostream& out, const Array<T>& a, const print_style& style) {
    const std::size_t shown = shown_of(a.length(), style);
    out << "array([";
    for (std::size_t i = 0; i < shown; ++i) {
        print_number(out, a(i));
        if (i + 1 != a.length()) out << ',';
    }
    print_rest(out, shown, a.length());
    out << "], '" << find_type(number_tag<T>())->letter << "')";
}

/// A frame of the printer's own stack: deep nesting must not use up the thread's stack.
struct frame {
    const Val* container;
    std::vector<value_pair> entries;  // of a table
    value_row row;                    // of a list
    std::size_t next = 0;
    const char* close;
    bool owes_bracket = false;  // the pair of an OrderedDict still needs its ')'
    std::size_t shown = 0;      // of count()

    std::size_t count() const { return is_table(container->tag) ? entries.size() : row.count; }
};

std::string spaces(std::int64_t count) {
    return std::string(static_cast<std::size_t>(std::max<std::int64_t>(count, 0)), ' ');
}

class printer {
public:
    printer(std::ostream& out, const print_style& style, std::int64_t indent, std::int64_t add)
        : out_(out), style_(style), pretty_(style.is_pretty), indent_(indent), add_(add) {}

    void print(const Val& v) {
        begin(v);
        while (!frames_.empty()) {
            frame& f = frames_.back();
            if (std::exchange(f.owes_bracket, false)) out_ << ')';
            if (f.next == f.shown) {
                end();
                continue;
            }
            separate(f);
            begin(next(f));
        }
    }

private:
    /// Prints the value, or opens a frame for its elements.
    void begin(const Val& v) {
        if (v.tag == 'n' && v.subtype != 'Z') {
            visit_array(v.subtype, value_access::container(v), [&](auto& a) {
                using item = typename std::remove_reference_t<decltype(a)>::value_type;
                if constexpr (!std::is_same_v<item, Val>) print_array(out_, a, style_);
            });
        } else if (is_container(v.tag)) {
            open(v);
        } else if (v.tag == 'a') {
            print_string(out_, v.text(), style_.shows_utf8);
        } else if (v.tag == 'Z') {
            out_ << "None";
        } else {
            print_scalar(v);
        }
    }

    void print_scalar(const Val& v) {
        if (is_big(v.tag)) {
            out_ << number_of_bytes(value_access::bytes(v)).str() << 'L';
            return;
        }
        visit_number_type(v.tag, [&](auto type) {
            using number = typename decltype(type)::type;
            print_number(out_, static_cast<number>(v));
        });
    }

    void open(const Val& v) {
        // A value that refers to what is being printed already would never end. As in Python, it
        // prints as three dots.
        if (open_.contains(identity_of(v))) {
            out_ << opening(v) << "..." << closing(v);
            return;
        }
        frame f{&v, {}, {nullptr, 0}, 0, "", false};
        if (is_table(v.tag)) {
            const table& t = table_of(v);
            f.entries = pretty_ && v.tag == 't' ? sorted_entries(t) : entries_of(t);
        } else {
            f.row = row_of(v);
        }
        out_ << opening(v);
        f.shown = shown_of(f.count(), style_);
        f.close = closing(v);
        if (pretty_) out_ << (f.count() == 0 ? " " : "\n");
        indent_ += add_;
        open_.enter(identity_of(v));
        frames_.push_back(std::move(f));
    }

    const char* opening(const Val& v) const {
        switch (v.tag) {
            case 't': return "{";
            case 'o': return pretty_ ? "o{" : "OrderedDict([";
            case 'u': return "(";
            default: return "[";
        }
    }
    const char* closing(const Val& v) const {
        switch (v.tag) {
            case 't': return "}";
            case 'o': return pretty_ ? "}" : "])";
            case 'u': return ")";
            default: return "]";
        }
    }

    void separate(const frame& f) {
        if (pretty_) {
            if (f.next != 0) out_ << ",\n";
            out_ << spaces(indent_);
        } else if (f.next != 0) {
            out_ << ", ";
        }
    }

    /// The element to print next; its key is printed here.
    const Val& next(frame& f) {
        const std::size_t i = f.next++;
        if (!is_table(f.container->tag)) return f.row.first[i];
        const bool as_pair = f.container->tag == 'o' && !pretty_;
        if (as_pair) out_ << '(';
        print_style in_line = style_;
        in_line.is_pretty = false;
        printer(out_, in_line, 0, 0).print(*f.entries[i].first);
        out_ << (as_pair ? ", " : pretty_ ? ":" : ": ");
        f.owes_bracket = as_pair;
        return *f.entries[i].second;
    }

    void end() {
        const frame& f = frames_.back();
        if (f.shown < f.count()) {
            separate(f);
            print_rest(out_, f.shown, f.count());
        }
        indent_ -= add_;
        if (pretty_ && f.count() != 0) out_ << '\n' << spaces(indent_);
        out_ << f.close;
        frames_.pop_back();
        open_.leave();
    }

    std::ostream& out_;
    const print_style style_;
    const bool pretty_;
    std::int64_t indent_;  // 64 bits: wide enough for any depth and any `add`
    const std::int64_t add_;
    std::vector<frame> frames_;
    open_levels<const void*> open_;
};

}  // namespace

namespace {

/// Keeps the start of what is written, and stops the writing by an exception when there is more.
class excerpt : private std::streambuf {
public:
    struct full {};

    explicit excerpt(const Val& v) {
        setp(text_.data(), text_.data() + text_.size());
        std::ostream out(this);
        out.exceptions(std::ios::badbit);  // otherwise the stream swallows the exception
        try {
            out << v;
        } catch (const full&) {
            is_cut_ = true;
        }
    }
    std::string text() const { return std::string(pbase(), pptr()) + (is_cut_ ? "..." : ""); }

private:
    int_type overflow(int_type) override { throw full(); }

    std::array<char, 40> text_;
    bool is_cut_ = false;
};

}  // namespace

std::string detail::value_access::description(const Val& v) {
    std::string text;
    try {
        text = excerpt(v).text();
    } catch (const PoisonedError&) {
        text = "which is poisoned";
    }
    return "a value of type " + type_name(v) + ", " + text;
}

std::ostream& operator<<(std::ostream& out, const Val& v) {
    printer(out, print_style(), 0, 0).print(v);
    return out;
}

std::ostream& operator<<(std::ostream& out, const Arr& a) { return out << detail::borrowed(a); }

namespace {
bool has_pretty_form(const Val& v) noexcept { return is_table(v.tag) || is_row(v); }
}  // namespace

void Val::prettyPrint(std::ostream& out, int indent, int add) const {
    print_style style;
    style.is_pretty = has_pretty_form(*this);
    if (style.is_pretty) out << spaces(indent);
    printer(out, style, indent, add).print(*this);
    if (style.is_pretty) out << '\n';
}

std::string to_text(const Val& v, print_style style) {
    std::ostringstream out;
    constexpr std::int64_t add = 4;
    style.is_pretty = style.is_pretty && has_pretty_form(v);
    printer(out, style, 0, add).print(v);
    return out.str();
}

}  // namespace valpool
