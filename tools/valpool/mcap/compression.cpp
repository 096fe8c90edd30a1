#include "compression.hpp"

#include "format.hpp"

#include <lz4frame.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <new>
#include <stdexcept>

namespace mcap {
namespace {

/// Of the decompressed bytes, so much is made room for at once.
constexpr std::size_t step_bytes = 1 << 20;

std::size_t checked_zstd(std::size_t result) {
    if (ZSTD_isError(result) != 0)
        throw format_error(std::string("not compressed by zstd: ") + ZSTD_getErrorName(result));
    return result;
}
std::size_t checked_lz4(std::size_t result) {
    if (LZ4F_isError(result) != 0)
        throw format_error(std::string("not compressed by lz4: ") + LZ4F_getErrorName(result));
    return result;
}

std::string zstd_compressed(std::string_view bytes) {
    std::string out(ZSTD_compressBound(bytes.size()), '\0');
    out.resize(checked_zstd(
        ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), ZSTD_CLEVEL_DEFAULT)));
    return out;
}

std::string lz4_compressed(std::string_view bytes) {
    LZ4F_preferences_t settings = LZ4F_INIT_PREFERENCES;
    settings.frameInfo.contentSize = bytes.size();
    std::string out(LZ4F_compressFrameBound(bytes.size(), &settings), '\0');
    out.resize(checked_lz4(
        LZ4F_compressFrame(out.data(), out.size(), bytes.data(), bytes.size(), &settings)));
    return out;
}

/// Calls step(room, its size, input, its size), which reads and writes a part, changes the sizes to
/// what it has written and read, and returns false at the end, until that.
template <class Step>
std::string in_steps(std::string_view bytes, std::uint64_t size, const Step& step) {
    std::string out;
    std::size_t written = 0;
    for (bool goes_on = true; goes_on;) {
        // One byte more than there should be, so that too much is noticed.
        const std::size_t room =
            static_cast<std::size_t>(std::min<std::uint64_t>(step_bytes, size + 1 - written));
        out.resize(written + room);
        std::size_t made = room;
        std::size_t used = bytes.size();
        goes_on = step(out.data() + written, made, bytes.data(), used);
        bytes.remove_prefix(used);
        written += made;
        if (written > size) throw format_error("more bytes than the chunk says");
        if (goes_on && used == 0 && made == 0) throw format_error("compressed bytes end early");
    }
    if (written != size || !bytes.empty())
        throw format_error("not as many bytes as the chunk says");
    out.resize(written);
    return out;
}

std::string zstd_decompressed(std::string_view bytes, std::uint64_t size) {
    const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(),
                                                                            ZSTD_freeDStream);
    if (!stream) throw std::bad_alloc();
    return in_steps(
        bytes, size, [&](char* to, std::size_t& made, const char* from, std::size_t& used) {
            ZSTD_outBuffer out{to, made, 0};
            ZSTD_inBuffer in{from, used, 0};
            const std::size_t left = checked_zstd(ZSTD_decompressStream(stream.get(), &out, &in));
            made = out.pos;
            used = in.pos;
            return left != 0;
        });
}

std::string lz4_decompressed(std::string_view bytes, std::uint64_t size) {
    LZ4F_dctx* context = nullptr;
    checked_lz4(LZ4F_createDecompressionContext(&context, LZ4F_VERSION));
    const std::unique_ptr<LZ4F_dctx, decltype(&LZ4F_freeDecompressionContext)> owner(
        context, LZ4F_freeDecompressionContext);
    return in_steps(
        bytes, size, [&](char* to, std::size_t& made, const char* from, std::size_t& used) {
            return checked_lz4(LZ4F_decompress(context, to, &made, from, &used, nullptr)) != 0;
        });
}

}  // namespace

bool is_known_compression(std::string_view how) noexcept {
    return how == zstd || how == lz4 || how == uncompressed;
}

std::string compressed(std::string_view bytes, std::string_view how) {
    if (how == zstd) return zstd_compressed(bytes);
    if (how == lz4) return lz4_compressed(bytes);
    if (how == uncompressed) return std::string(bytes);
    throw std::runtime_error("the compression '" + std::string(how) + "' is not known");
}

std::string decompressed(std::string_view bytes, std::string_view how, std::uint64_t size) {
    if (size > most_chunk_bytes)
        throw format_error("a chunk of " + std::to_string(size) + " bytes; at most " +
                           std::to_string(most_chunk_bytes) + " are read");
    if (how == zstd) return zstd_decompressed(bytes, size);
    if (how == lz4) return lz4_decompressed(bytes, size);
    if (how != uncompressed)
        throw format_error("the compression '" + std::string(how) + "' is not known");
    if (bytes.size() != size) throw format_error("not as many bytes as the chunk says");
    return std::string(bytes);
}

}  // namespace mcap
