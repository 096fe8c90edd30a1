#pragma once

/// The original's names for types, and its predicates on types.

#include <valpool/compat/global_names.hpp>

#include <cstdint>

namespace OC {

typedef std::intptr_t int_ptr;
typedef std::uintptr_t int_uptr;
typedef std::size_t ALLOW_SIZE_T;
typedef long ALLOW_LONG;
typedef unsigned long ALLOW_UNSIGNED_LONG;
typedef long long ALLOW_LONG_LONG;
typedef unsigned long long ALLOW_UNSIGNED_LONG_LONG;
typedef std::string OCString;
typedef void* (*ThreadMain)(void*);

/// In the original, one class has subclasses that read streams and text. Here each of them is a
/// ValReader.
typedef ValReader ValReaderA;
/// Reads the whole stream at once, then value after value from the text.
class StreamValReader : public ValReader {
public:
    explicit StreamValReader(std::istream& in)
        : ValReader(std::string(std::istreambuf_iterator<char>(in), {})) {}
};

inline char* Allocate(Allocator* pool, int size_bytes) {
    return pool->allocate(static_cast<std::size_t>(size_bytes));
}
inline void DeAllocate(Allocator* pool, char* memory) { pool->deallocate(memory); }

inline bool oc_is_numeric(char tag) { return std::strchr("atoun", tag) == nullptr; }
inline bool oc_is_cx(char tag) { return tag == 'F' || tag == 'D'; }
inline bool oc_is_int(char tag) { return std::strchr("silx", tag) != nullptr; }
inline bool oc_is_uint(char tag) { return std::strchr("SILX", tag) != nullptr; }
inline bool oc_is_real(char tag) { return tag == 'f' || tag == 'd'; }

}  // namespace OC

// As in the original, None and bool count as numeric.
#define OC_IS_NUMERIC(v) (OC::oc_is_numeric((v).tag))
#define OC_IS_CX(v) (OC::oc_is_cx((v).tag))
#define OC_IS_INT(v) (OC::oc_is_int((v).tag))
#define OC_IS_UINT(v) (OC::oc_is_uint((v).tag))
#define OC_IS_REAL(v) (OC::oc_is_real((v).tag))
#define OC_TAG_SOME_INT(tag) (OC::oc_is_int(tag) || OC::oc_is_uint(tag))

// Sizes in bytes of the types that a Val holds.
#define VALTAB sizeof(Tab)
#define VALOTAB sizeof(OTab)
#define VALTUP sizeof(Tup)
#define VALARR sizeof(Arr)
#define VALSTR sizeof(Str)
#define VALBIGINT sizeof(int_n)
#define VALBIGUINT sizeof(int_un)
