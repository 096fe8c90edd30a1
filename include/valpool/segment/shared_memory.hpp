#pragma once

/// Named shared memory without a pool in it: the low-level functions that SHMMain's users do not
/// need.

#include <valpool/base/detail/break_checker.hpp>
#include <valpool/base/detail/config.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace valpool {

/// Creates a region of `bytes` zero bytes under a name, reserves all of it, and maps it, at `addr`
/// unless that is null. Replaces a region of the same name that an earlier SHMCreate made; a
/// process that has the old one mapped keeps it. Never replaces a pool of SHMMain or a file of
/// somebody else. Returns null on failure, and with `debug` says why on standard error.
/// Source: "C++ Cross-Process Shared Memory Tools", introduction.
VALPOOL_API char* SHMCreate(const std::string& path, std::size_t bytes, bool debug = false,
                            void* addr = nullptr);
template <class Pointer, class... Rest, detail::if_pointer_like<Pointer> = 0>
char* SHMCreate(const std::string& path, std::size_t bytes, Pointer&& debug, Rest&&...) = delete;

/// Maps a region that SHMCreate has made, at `addr` unless that is null, and sets `bytes` to its
/// size. Returns null when there is no such region, the address is taken, or the name belongs to
/// something else. Never waits: SHMInitialized tells whether the creator has finished.
VALPOOL_API char* SHMAttach(const std::string& path, void* addr, std::size_t& bytes,
                            bool debug = false);

/// Unmaps what SHMCreate or SHMAttach returned. False when `mem` is not such a region of this
/// process.
VALPOOL_API bool SHMDetach(void* mem, std::size_t bytes);

/// Removes the name; false when no region has it. Never removes a pool.
VALPOOL_API bool SHMUnlink(const std::string& path);

/// The creator marks the region as ready with the first; the others ask with the second. Both throw
/// std::logic_error for memory that is not a region of this process.
VALPOOL_API void SHMInitialize(void* mem, std::size_t len);
VALPOOL_API bool SHMInitialized(const void* mem, std::size_t len);

}  // namespace valpool
