#pragma once

/// Named shared memory without a pool in it: what SHMMain spares its users from.

#include <valpool/detail/break_checker.hpp>
#include <valpool/detail/config.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace valpool {

/// Creates `bytes` bytes of zeros under a name, all of it reserved, and maps them, at `addr` if
/// that is not null. A region of the same name that an earlier SHMCreate made is replaced; whoever
/// has that mapped keeps it. A pool of SHMMain and files of others are left alone. Returns null
/// when that fails, after saying why on standard error if `debug`. Source: "C++ Cross-Process
/// Shared Memory Tools", introduction.
VALPOOL_API char* SHMCreate(const std::string& path, std::size_t bytes, bool debug = false,
                            void* addr = nullptr);
template <class Pointer, class... Rest, detail::if_pointer_like<Pointer> = 0>
char* SHMCreate(const std::string& path, std::size_t bytes, Pointer&& debug, Rest&&...) = delete;

/// Maps a region that SHMCreate has made, at `addr` if that is not null, and sets `bytes` to its
/// size. Null when there is none, or the address is taken, or what has that name is something else.
/// Never waits: SHMInitialized tells whether the creator has finished.
VALPOOL_API char* SHMAttach(const std::string& path, void* addr, std::size_t& bytes,
                            bool debug = false);

/// Unmaps what SHMCreate or SHMAttach returned. False when `mem` is no such region of this process.
VALPOOL_API bool SHMDetach(void* mem, std::size_t bytes);

/// Removes the name; false when there is no region of that name. Pools are left alone.
VALPOOL_API bool SHMUnlink(const std::string& path);

/// The creator says that the region is ready to be used, and others ask. Both throw
/// std::logic_error for memory that is no region of this process.
VALPOOL_API void SHMInitialize(void* mem, std::size_t len);
VALPOOL_API bool SHMInitialized(const void* mem, std::size_t len);

}  // namespace valpool
