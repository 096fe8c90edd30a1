#pragma once

#include <valpool/valpool.hpp>

#include <cstdlib>
#include <iostream>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

/// Random values of every type, for tests of what writes and reads values.

namespace valpool_test {

class random_values {
public:
    /// The seed is printed; the environment's VALPOOL_MODEL_SEED repeats a failing run.
    random_values() {
        const char* const given = std::getenv("VALPOOL_MODEL_SEED");
        seed_ = given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10))
                      : std::random_device()();
        std::cout << "VALPOOL_MODEL_SEED=" << seed_ << '\n';
        engine_.seed(seed_);
    }
    explicit random_values(unsigned seed) : seed_(seed), engine_(seed) {}

    unsigned seed() const noexcept { return seed_; }
    std::size_t below(std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_);
    }

    /// Of any type; containers have parts of up to `levels` levels.
    valpool::Val value(unsigned levels = 4) {
        if (levels != 0 && below(2) == 0) return container(levels - 1);
        switch (below(5)) {
            case 0: return text();
            case 1: return big();
            case 2: return array();
            case 3: return below(4) == 0 ? valpool::Val() : number();
            default: return number();
        }
    }

    /// Small, at the edge of a size, or any bits.
    template <class T>
    T number_of() {
        using limits = std::numeric_limits<T>;
        if constexpr (std::is_same_v<T, bool>) {
            return below(2) == 0;
        } else if constexpr (std::is_floating_point_v<T>) {
            return real_of<T>();
        } else if constexpr (valpool::detail::is_complex_type<T>) {
            using part = decltype(T().re);
            return T(real_of<part>(), real_of<part>());
        } else {
            switch (below(4)) {
                case 0: return static_cast<T>(below(50));
                case 1: return static_cast<T>(limits::max() - static_cast<T>(below(3)));
                case 2: return static_cast<T>(limits::min() + static_cast<T>(below(3)));
                default: return static_cast<T>(engine_());
            }
        }
    }

    valpool::Val number() {
        constexpr std::string_view tags = "sSiIlLxXbfdFD";
        return valpool::detail::visit_number_type(tags[below(tags.size())], [this](auto type) {
            return valpool::Val(number_of<typename decltype(type)::type>());
        });
    }

    valpool::Val big() {
        valpool::int_un n(engine_());
        for (std::size_t words = below(4); words != 0; --words)
            n = n * valpool::int_un(std::numeric_limits<valpool::int_u8>::max()) +
                valpool::int_un(engine_());
        if (below(3) == 0) return n;
        return below(2) == 0 ? valpool::int_n(n) : -valpool::int_n(n);
    }

    std::string text() {
        static const std::string samples[] = {"",
                                              "a",
                                              "key",
                                              "a text of more than twenty bytes",
                                              "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
                                              std::string("\0zero", 5),
                                              "\xff not UTF-8",
                                              std::string(300, 'x')};
        return samples[below(std::size(samples))] + (below(2) == 0 ? std::to_string(below(9)) : "");
    }

    valpool::Val array() {
        const std::size_t length = below(3) == 0 ? below(200) : below(4);
        if (below(6) == 0) {
            valpool::Array<std::string> texts;
            for (std::size_t i = 0; i < length; ++i) texts.append(text());
            return texts;
        }
        constexpr std::string_view tags = "sSiIlLxXbfdFD";
        return valpool::detail::visit_number_type(tags[below(tags.size())],
                                                  [this, length](auto type) {
                                                      using T = typename decltype(type)::type;
                                                      valpool::Array<T> a;
                                                      for (std::size_t i = 0; i < length; ++i)
                                                          a.append(number_of<T>());
                                                      return valpool::Val(a);
                                                  });
    }

private:
    template <class T>
    T real_of() {
        using limits = std::numeric_limits<T>;
        const T special[] = {0,
                             T(-0.0),
                             T(1) / 3,
                             limits::infinity(),
                             -limits::infinity(),
                             limits::quiet_NaN(),
                             limits::max(),
                             limits::denorm_min()};
        if (below(2) == 0) return special[below(std::size(special))];
        return static_cast<T>(engine_()) / static_cast<T>(1 + below(1000));
    }

    valpool::Val container(unsigned levels) {
        const std::size_t length = below(5) == 0 ? 0 : below(6);
        switch (below(4)) {
            case 0: return table<valpool::Tab>(length, levels);
            case 1: return table<valpool::OTab>(length, levels);
            case 2: {
                valpool::Arr items = list(length, levels);
                valpool::Tup t;
                t.take(items);
                return t;
            }
            default: return list(length, levels);
        }
    }
    valpool::Arr list(std::size_t length, unsigned levels) {
        valpool::Arr a;
        for (std::size_t i = 0; i < length; ++i) a.append(value(levels));
        return a;
    }
    template <class T>
    valpool::Val table(std::size_t length, unsigned levels) {
        T t;
        for (std::size_t i = 0; i < length; ++i) {
            const valpool::Val key =
                below(4) == 0 ? value(levels == 0 ? 0 : 1) : valpool::Val(text());
            t.insertKeyAndValue(key, value(levels));
        }
        return t;
    }

    unsigned seed_ = 0;
    std::mt19937_64 engine_;
};

}  // namespace valpool_test
