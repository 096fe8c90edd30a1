#include <valpool/json.hpp>
#include <valpool/stringize.hpp>

#include "value/big_number.hpp"
#include "value/containers.hpp"
#include "value/open_levels.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>

#include <charconv>
#include <stdexcept>
#include <vector>

/// Values to and from JSON. Boost.JSON reads the text and writes strings; the nesting is kept on
/// stacks here, which have no limit of their own.

namespace valpool {

using namespace detail;
namespace json = boost::json;

namespace {

// --- writing ----------------------------------------------------------------------------------

/// Bytes of a sequence that starts with this one; 0 for none.
std::size_t utf8_length(unsigned char first) noexcept {
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first < 0xe0) return 2;
    if (first >= 0xe0 && first < 0xf0) return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

bool is_utf8(std::string_view text) noexcept {
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = utf8_length(byte(i));
        if (length == 0 || i + length > text.size()) return false;
        for (std::size_t j = 1; j < length; ++j)
            if ((byte(i + j) & 0xc0) != 0x80) return false;
        if (length >= 3) {  // overlong forms, surrogates, beyond the last code point
            const unsigned second = byte(i + 1);
            const unsigned first = byte(i);
            if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0) ||
                (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90))
                return false;
        }
        i += length;
    }
    return true;
}

class writer {
public:
    std::string write(const Val& v) {
        begin(v);
        while (!frames_.empty()) {
            frame& f = frames_.back();
            if (f.next == f.count) {
                text_ += f.close;
                frames_.pop_back();
                open_.leave();
                continue;
            }
            if (f.next != 0) text_ += ',';
            begin(next(f));
        }
        return std::move(text_);
    }

private:
    struct frame {
        const Val* what;
        table::walk<const Val> at;
        value_row row;
        std::size_t count;
        char close;
        std::size_t next = 0;
    };

    const Val& next(frame& f) {
        const std::size_t i = f.next++;
        if (!is_table(f.what->tag)) return f.row.first[i];
        const auto& [key, value] = *f.at;
        write_text(key.tag == 'a' ? std::string(key.text()) : Stringize(key));
        text_ += ':';
        ++f.at;
        return value;
    }

    void begin(const Val& v) {
        if (is_table(v.tag)) {
            open(v, {&v, std::as_const(table_of(v)).begin(), {nullptr, 0}, v.length(), '}'}, '{');
        } else if (is_row(v)) {
            open(v, {&v, {}, row_of(v), v.length(), ']'}, '[');
        } else if (v.tag == 'n') {
            write_array(v);
        } else if (v.tag == 'a') {
            write_text(v.text());
        } else {
            write_scalar(v);
        }
    }

    void open(const Val& v, const frame& f, char bracket) {
        if (open_.contains(identity_of(v)))
            throw std::logic_error("JSON: a value that contains itself has no end");
        text_ += bracket;
        open_.enter(identity_of(v));
        frames_.push_back(f);
    }

    void write_array(const Val& v) {
        text_ += '[';
        visit_array(v.subtype, value_access::container(v), [this](auto& a) {
            for (std::size_t i = 0; i < a.length(); ++i) {
                if (i != 0) text_ += ',';
                begin(Val(a(i)));
            }
        });
        text_ += ']';
    }

    void write_text(std::string_view text) {
        if (!is_utf8(text))
            throw std::logic_error("JSON: this text is not UTF-8: " +
                                   Stringize(Val(text.substr(0, 40))));
        text_ += json::serialize(json::string_view(text.data(), text.size()));
    }

    void write_scalar(const Val& v) {
        if (v.tag == 'Z') {
            text_ += "null";
        } else if (v.tag == 'b') {
            text_ += static_cast<bool>(v) ? "true" : "false";
        } else if (v.tag == 'F' || v.tag == 'D') {
            const auto c = static_cast<complex_16>(v);
            text_ += '[';
            write_real(c.re);
            text_ += ',';
            write_real(c.im);
            text_ += ']';
        } else if (v.tag == 'd') {
            write_real(static_cast<real_8>(v));
        } else if (v.tag == 'f') {
            if (std::isfinite(static_cast<real_4>(v)))
                text_ += Stringize(v);
            else
                text_ += "null";
        } else if (is_big(v.tag)) {
            text_ += number_of_bytes(value_access::bytes(v)).str();
        } else {
            text_ += Stringize(v);
        }
    }

    void write_real(real_8 r) { text_ += std::isfinite(r) ? Stringize(Val(r)) : "null"; }

    std::string text_;
    std::vector<frame> frames_;
    open_levels<const void*> open_;
};

// --- reading ----------------------------------------------------------------------------------

/// Boost.JSON's events, put together to a value.
class builder {
public:
    static constexpr std::size_t max_object_size = std::size_t(-1);
    static constexpr std::size_t max_array_size = std::size_t(-1);
    static constexpr std::size_t max_key_size = std::size_t(-1);
    static constexpr std::size_t max_string_size = std::size_t(-1);
    using error = json::error_code;
    using view = json::string_view;

    bool on_document_begin(error&) { return true; }
    bool on_document_end(error&) { return true; }
    bool on_object_begin(error&) { return open(Tab()); }
    bool on_array_begin(error&) { return open(Arr()); }
    bool on_object_end(std::size_t, error&) { return close(); }
    bool on_array_end(std::size_t, error&) { return close(); }
    bool on_key_part(view s, std::size_t, error&) { return append(s); }
    bool on_key(view s, std::size_t, error&) {
        append(s);
        open_.back().key = take_text();
        return true;
    }
    bool on_string_part(view s, std::size_t, error&) { return append(s); }
    bool on_string(view s, std::size_t, error&) {
        append(s);
        return deliver(take_text());
    }
    bool on_number_part(view s, error&) { return append(s); }
    bool on_int64(std::int64_t i, view, error&) {
        text_.clear();
        return deliver(i == static_cast<int_4>(i) ? Val(static_cast<int_4>(i)) : Val(i));
    }
    bool on_uint64(std::uint64_t u, view, error&) {
        text_.clear();
        return deliver(Val(u));
    }
    bool on_double(double d, view s, error&) {
        append(s);
        const std::string number = take_text();
        // An integer that no type of the language holds.
        if (!number.empty() && number.find_first_of(".eE") == std::string::npos)
            return deliver(int_n(number));
        // Boost.JSON 1.81 rounds the last digit of some numbers wrongly.
        real_8 exact = d;
        std::from_chars(number.data(), number.data() + number.size(), exact);
        return deliver(exact);
    }
    bool on_bool(bool b, error&) { return deliver(b); }
    bool on_null(error&) { return deliver(Val()); }
    bool on_comment_part(view, error&) { return true; }
    bool on_comment(view, error&) { return true; }

    Val take() { return std::move(result_); }

private:
    struct level {
        Val container;
        std::string key;
    };

    bool append(view s) {
        text_.append(s.data(), s.size());
        return true;
    }
    std::string take_text() { return std::exchange(text_, std::string()); }
    bool open(Val container) {
        open_.push_back({std::move(container), std::string()});
        return true;
    }
    bool close() {
        Val done = std::move(open_.back().container);
        open_.pop_back();
        return deliver(std::move(done));
    }
    bool deliver(Val value) {
        if (open_.empty()) {
            result_ = std::move(value);
        } else if (open_.back().container.tag == 't') {
            open_.back().container[open_.back().key] = std::move(value);
        } else {
            Arr& list = open_.back().container;
            list.append(Val());
            list(list.length() - 1) = std::move(value);
        }
        return true;
    }

    std::string text_;
    std::vector<level> open_;
    Val result_;
};

}  // namespace

std::string to_json(const Val& v) { return writer().write(v); }

Val from_json(std::string_view text, const parse_limits& limits) {
    if (text.size() > limits.size_bytes)
        throw std::logic_error("JSON: a text of " + std::to_string(text.size()) +
                               " bytes; at most " + std::to_string(limits.size_bytes) +
                               " are allowed");
    json::parse_options options;
    options.max_depth = limits.depth;
    json::basic_parser<builder> parser(options);
    json::error_code error;
    const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
    if (!error && used < text.size()) error = json::error::extra_data;
    if (error)
        throw std::logic_error("JSON, byte " + std::to_string(used) + ": " + error.message());
    return parser.handler().take();
}

}  // namespace valpool
