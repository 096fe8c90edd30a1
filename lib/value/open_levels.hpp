#pragma once

#include <valpool/value/detail/value_access.hpp>

#include <set>
#include <vector>

namespace valpool::detail {

/// The identity of what a proxy refers to; null for a value that is not a proxy.
inline const void* identity_of(const Val& v) noexcept {
    if (!v.isproxy) return nullptr;
    if (const box* const b = value_access::target(v)) return b;
    return value_access::block_of(v);
}

/// The values that a traversal is inside of. With these it detects that a value contains itself, in
/// a time that hardly depends on the depth. Only a proxy can contain itself. Other values have the
/// null identity, which contains() never finds.
template <class Identity>
class open_levels {
public:
    bool contains(const Identity& what) const { return open_.count(what) != 0; }
    void enter(const Identity& what) {
        levels_.push_back(what);
        if (what != Identity()) open_.insert(what);
    }
    void leave() noexcept {
        open_.erase(levels_.back());
        levels_.pop_back();
    }

private:
    std::vector<Identity> levels_;  // as entered: the values may change meanwhile
    std::set<Identity> open_;
};

}  // namespace valpool::detail
