#pragma once

/// Values as bytes, for this library's own Deserialize only: the original's format is another one.

#include <valpool/compat/global_names.hpp>

namespace OC {

/// So many bytes Serialize writes for it.
inline std::size_t BytesToSerialize(const Val& v) {
    return sizeof(std::size_t) + Stringize(v).size();
}
/// Returns what comes behind what it has written. What is shared is written as often as it occurs.
inline char* Serialize(const Val& v, char* memory) {
    const std::string text = Stringize(v);
    const std::size_t size = text.size();
    std::memcpy(memory, &size, sizeof size);
    std::memcpy(memory + sizeof size, text.data(), size);
    return memory + sizeof size + size;
}
/// Returns what comes behind what it has read.
inline char* Deserialize(Val& v, char* memory) {
    std::size_t size = 0;
    std::memcpy(&size, memory, sizeof size);
    v = parse(std::string_view(memory + sizeof size, size));
    return memory + sizeof size + size;
}

}  // namespace OC
