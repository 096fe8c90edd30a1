#include <valpool/value/cbor.hpp>

#include "base/utf8.hpp"
#include "value/cbor_form.hpp"
#include "value/containers.hpp"
#include "value/numbers.hpp"
#include "value/open_levels.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

/// Values to CBOR. As in json.cpp the nesting is kept on a stack here, which has no depth limit.

namespace valpool {

using namespace detail;
using namespace detail::cbor;

namespace {

class writer {
public:
    explicit writer(std::string& out) : out_(out) {}

    void write(const Val& v) {
        begin(v);
        while (!frames_.empty()) {
            frame& f = frames_.back();
            if (f.next == f.count) {
                frames_.pop_back();
                open_.leave();
            } else {
                begin(next(f));
            }
        }
    }

private:
    struct frame {
        const Val* what;
        table::walk<const Val> at;
        value_row row;
        std::size_t count;
        std::size_t next = 0;
        bool has_key = false;  // of a table: the key is written, and its value is next
    };

    static const Val& next(frame& f) {
        if (!is_table(f.what->tag)) return f.row.first[f.next++];
        const auto& [key, value] = *f.at;
        if (!f.has_key) {
            f.has_key = true;
            return key;
        }
        f.has_key = false;
        ++f.next;
        ++f.at;
        return value;
    }

    void begin(const Val& v) {
        if (is_table(v.tag)) {
            const table& t = table_of(v);
            if (v.tag == 'o') head(kind::tag, tag_ordered);
            open(v, kind::map, {&v, t.begin(), {nullptr, 0}, t.entries()});
        } else if (is_row(v)) {
            const value_row row = row_of(v);
            if (v.tag == 'u') head(kind::tag, tag_tuple);
            open(v, kind::list, {&v, {}, row, row.count});
        } else if (v.tag == 'n') {
            visit_array(v.subtype, value_access::container(v),
                        [this](const auto& a) { write_array(a); });
        } else if (v.tag == 'a') {
            write_text(v.text());
        } else if (v.tag == 'Z') {
            head(kind::simple, simple_null);
        } else if (is_big(v.tag)) {
            write_big(value_access::bytes(v));
        } else {
            visit_number_type(v.tag, [&](auto type) {
                write_number(static_cast<typename decltype(type)::type>(v));
            });
        }
    }

    void open(const Val& v, kind k, const frame& f) {
        if (open_.contains(identity_of(v)))
            throw std::logic_error("CBOR: a value that contains itself cannot be written");
        head(k, f.count);
        open_.enter(identity_of(v));
        frames_.push_back(f);
    }

    void first_byte(kind k, unsigned low) {
        out_ += static_cast<char>(static_cast<unsigned>(k) << 5 | low);
    }
    /// In the fewest bytes that hold the argument.
    void head(kind k, std::uint64_t argument) {
        if (argument <= most_in_first_byte) return first_byte(k, static_cast<unsigned>(argument));
        unsigned power = 0;  // of the number of bytes
        while (power < 3 && argument >> (8U << power) != 0) ++power;
        first_byte(k, in_one_byte + power);
        put_bytes(argument, 1U << power);
    }
    /// The lowest bytes of a number, the highest of them first.
    void put_bytes(std::uint64_t bits, unsigned count) {
        for (unsigned i = count; i-- != 0;) out_ += static_cast<char>(bits >> (8 * i));
    }
    template <class Number>
    void put_raw(const Number* numbers, std::size_t count) {
        out_.append(reinterpret_cast<const char*>(numbers), count * sizeof(Number));
    }

    void write_text(std::string_view text) {
        head(is_utf8(text) ? kind::text : kind::bytes, text.size());
        out_ += text;
    }

    void write_number(bool b) { head(kind::simple, b ? simple_true : simple_false); }
    void write_number(real_4 r) {
        first_byte(kind::simple, single);
        put_bytes(std::bit_cast<std::uint32_t>(r), sizeof r);
    }
    void write_number(real_8 r) {
        first_byte(kind::simple, twice);
        put_bytes(std::bit_cast<std::uint64_t>(r), sizeof r);
    }
    template <class Real>
    void write_number(const cx_t<Real>& c) {
        head(kind::tag, tag_complex);
        head(kind::list, 2);
        write_number(c.re);
        write_number(c.im);
    }
    template <class Integer>
    void write_number(Integer i) {
        if constexpr (std::is_signed_v<Integer>)
            if (i < 0) return head(kind::negative_integer, ~static_cast<std::uint64_t>(int_8{i}));
        head(kind::unsigned_integer, static_cast<std::uint64_t>(i));
    }

    /// `stored`: the sign, then the magnitude with the lowest byte first. A negative number is
    /// written as the magnitude less one.
    void write_big(std::string_view stored) {
        std::string magnitude(stored.substr(1));
        const bool is_negative = stored.front() == '-';
        if (is_negative) {
            for (char& byte : magnitude)
                if (byte-- != 0) break;
            while (!magnitude.empty() && magnitude.back() == 0) magnitude.pop_back();
        }
        std::reverse(magnitude.begin(), magnitude.end());
        head(kind::tag, is_negative ? tag_negative_big : tag_big);
        head(kind::bytes, magnitude.size());
        out_ += magnitude;
    }

    template <class T>
    void write_array(const Array<T>& a) {
        head(kind::tag, typed_array_tag<T>());
        head(kind::bytes, a.length() * sizeof(T));
        put_raw(a.data(), a.length());
    }
    template <class Real>
    void write_array(const Array<cx_t<Real>>& a) {
        head(kind::tag, tag_complexes);
        head(kind::tag, typed_array_tag<Real>());
        head(kind::bytes, a.length() * sizeof(cx_t<Real>));
        put_raw(a.data(), a.length());
    }
    /// RFC 8746 has no typed array of these; a list of items of one type says what they are, unless
    /// there are none.
    void write_array(const Array<bool>& a) {
        head(kind::tag, a.isEmpty() ? tag_bool_array : tag_homogeneous);
        head(kind::list, a.length());
        for (const bool b : a) write_number(b);
    }
    void write_array(const Array<std::string>& a) {
        head(kind::tag, a.isEmpty() ? tag_text_array : tag_homogeneous);
        head(kind::list, a.length());
        for (const auto& item : a) write_text(item.view());
    }
    void write_array(const Arr&) {}  // a row of values: begin() opens it

    std::string& out_;
    std::vector<frame> frames_;
    open_levels<const void*> open_;
};

}  // namespace

void to_cbor(const Val& v, std::string& append_to) {
    const std::size_t before = append_to.size();
    try {
        writer(append_to).write(v);
    } catch (...) {
        append_to.resize(before);
        throw;
    }
}

std::string to_cbor(const Val& v) {
    std::string bytes;
    to_cbor(v, bytes);
    return bytes;
}

}  // namespace valpool
