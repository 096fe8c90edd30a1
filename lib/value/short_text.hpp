#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace valpool::detail {

/// Up to 20 bytes of text as three words, with zeros behind: compared, hashed and stored at once.
struct short_text {
    static constexpr std::size_t most = 20;

    std::uint64_t first;
    std::uint64_t second;
    std::uint32_t third;

    explicit short_text(std::string_view text) noexcept : short_text(text.data(), text.size()) {}
    /// From where a value keeps it.
    explicit short_text(const unsigned char* stored) noexcept {
        std::memcpy(&first, stored, 8);
        std::memcpy(&second, stored + 8, 8);
        std::memcpy(&third, stored + 16, 4);
    }
    void store(unsigned char* to) const noexcept {
        std::memcpy(to, &first, 8);
        std::memcpy(to + 8, &second, 8);
        std::memcpy(to + 16, &third, 4);
    }
    friend bool operator==(const short_text& a, const short_text& b) noexcept {
        return ((a.first ^ b.first) | (a.second ^ b.second) | (a.third ^ b.third)) == 0;
    }

private:
    template <class Word>
    static Word load(const char* at) noexcept {
        Word word;
        std::memcpy(&word, at, sizeof word);
        return word;
    }
    /// The last bytes are loaded together with some before them, which are shifted out.
    short_text(const char* text, std::size_t size) noexcept : first(0), second(0), third(0) {
        if (size >= 16) {
            first = load<std::uint64_t>(text);
            second = load<std::uint64_t>(text + 8);
            if (size > 16) third = load<std::uint32_t>(text + size - 4) >> (8 * (20 - size));
        } else if (size >= 8) {
            first = load<std::uint64_t>(text);
            if (size > 8) second = load<std::uint64_t>(text + size - 8) >> (8 * (16 - size));
        } else if (size >= 4) {
            first = load<std::uint32_t>(text) | std::uint64_t{load<std::uint32_t>(text + size - 4)}
                                                    << (8 * (size - 4));
        } else {
            for (std::size_t i = 0; i < size; ++i)
                first |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
        }
    }
};

}  // namespace valpool::detail
