#include <valpool/value/check_shm.hpp>

#include <valpool/value/stringize.hpp>

#include "value/containers.hpp"

#include <stdexcept>
#include <string>

namespace valpool {

using namespace detail;

namespace {

bool is_outside(const Val& v, const StreamingPool* pool) {
    return is_container(v.tag) && (!pool || v.allocator() != pool);
}

/// The parts of a value that are not in the pool, with their paths: enough of them to find the
/// mistake.
class outside_parts {
public:
    explicit outside_parts(const StreamingPool* pool) : pool_(pool) {}

    void look_at(const Val& v, const std::string& path, unsigned depth) {
        // A value in the pool has all its parts there.
        if (!is_outside(v, pool_) || is_complete()) return;
        add(path, value_access::type_name(v), v.allocator() ? "of another pool" : "on the heap");
        if (v.allocator() || depth == deepest) return;
        if (is_table(v.tag)) {
            for (const auto& [key, value] : table_of(v))
                look_at(value, path + step(key), depth + 1);
        } else if (is_row(v)) {
            const value_row row = row_of(v);
            for (std::size_t i = 0; i < row.count && !is_complete(); ++i)
                look_at(row.first[i], path + step(Val(i)), depth + 1);
        }
    }
    const std::string& text() const noexcept { return text_; }

private:
    static constexpr int most_parts = 4;
    static constexpr unsigned deepest = 32;

    static std::string step(const Val& key) {
        std::string result = "[";
        return result.append(Stringize(key), 0, 60).append("]");
    }
    bool is_complete() const noexcept { return parts_ > most_parts; }

    void add(const std::string& path, const std::string& type, const char* where) {
        if (parts_ != 0) text_ += ", ";
        if (++parts_ > most_parts) {
            text_ += "...";
            return;
        }
        text_ += (path.empty() ? "the value itself" : path) + " (" + type + " " + where + ")";
    }

    const StreamingPool* pool_;
    std::string text_;
    int parts_ = 0;
};

}  // namespace

bool InSHM(const Val& v, StreamingPool* pool, bool throw_on_error, const char* context) {
    if (!is_outside(v, pool)) return true;
    if (!throw_on_error) return false;
    detail::throw_outside(nullptr, v, pool, context);
}

bool detail::is_region_in(const box* region, const StreamingPool* pool) noexcept {
    return pool && region && pool_of(*region) == pool;
}

void detail::throw_outside(const box* region, const Val& content, const StreamingPool* pool,
                           const char* context) {
    outside_parts parts(pool);
    if (!region) parts.look_at(content, {}, 0);
    throw std::runtime_error(std::string(context ? context : "") + ": not in shared memory: " +
                             (region ? "the value itself (of another pool)" : parts.text()));
}

bool IsContainedMemory(const void* memory, const StreamingPool* pool) noexcept {
    return memory && pool && pool->contains(memory);
}

}  // namespace valpool
