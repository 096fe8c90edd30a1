#include <valpool/check_shm.hpp>

#include "value/containers.hpp"

#include <stdexcept>
#include <string>

namespace valpool {

using namespace detail;

namespace {

/// What is not in the pool; empty when all is. A container in a pool has all its parts there, and
/// one on the heap is outside itself, whatever it contains.
std::string what_is_outside(const Val& v, const StreamingPool* pool) {
    if (!is_container(v.tag) || (pool && v.allocator() == pool)) return {};
    return "a " + value_access::type_name(v) +
           (v.allocator() ? " of another pool" : " on the heap");
}

}  // namespace

bool InSHM(const Val& v, StreamingPool* pool, bool throw_on_error, const char* context) {
    const std::string outside = what_is_outside(v, pool);
    if (outside.empty()) return true;
    if (throw_on_error)
        throw std::runtime_error(std::string(context ? context : "") +
                                 ": not in shared memory: " + outside);
    return false;
}

bool IsSHM(const Val& v, StreamingPool* pool, bool throw_on_error, const char* context) {
    return InSHM(v, pool, throw_on_error, context);
}

}  // namespace valpool
