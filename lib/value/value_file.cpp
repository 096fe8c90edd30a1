#include <valpool/value/parse.hpp>

#include "base/system_error.hpp"
#include "value/containers.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <istream>
#include <memory>
#include <stdexcept>
#include <streambuf>
#include <string>

/// Values in files and streams.

namespace valpool {

using namespace detail;

namespace {

/// Collects what `read` returns, part by part, until it returns nothing.
template <class Read>
std::string all_of(Read read) {
    std::string content;
    std::array<char, 1 << 14> part;
    while (true) {
        const auto count = read(part.data(), part.size());
        if (count <= 0) return content;
        content.append(part.data(), static_cast<std::size_t>(count));
    }
}

std::string content_of(std::istream& in) {
    if (!in) throw std::runtime_error("the stream cannot be read");
    // Reads from the buffer: it throws a std::runtime_error where the stream would swallow the
    // error.
    return all_of([&in](char* to, std::size_t most) {
        return in.rdbuf()->sgetn(to, static_cast<std::streamsize>(most));
    });
}

[[noreturn]] void throw_file_error(const char* call, const std::string& filename) {
    throw_system_error(call, "the file " + quoted(filename), errno);
}

/// With the C functions, because they tell why they fail. A stream reads a directory as an empty
/// file.
std::string content_of_file(const std::string& filename) {
    const auto close = [](std::FILE* file) { std::fclose(file); };
    const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(filename.c_str(), "rb"),
                                                           close);
    if (!file) throw_file_error("cannot be opened", filename);
    std::string content =
        all_of([&file](char* to, std::size_t most) { return std::fread(to, 1, most, file.get()); });
    if (std::ferror(file.get())) throw_file_error("cannot be read", filename);
    return content;
}

}  // namespace

void ReadValFromStream(std::istream& in, Val& v) { v = parse(content_of(in)); }

void ReadValFromFile(const std::string& filename, Val& v) {
    const std::string content = content_of_file(filename);
    try {
        v = parse(content);
    } catch (const std::logic_error& e) {
        throw std::logic_error("file '" + filename + "', " + e.what());
    }
}

void ReadTabFromFile(const std::string& filename, Tab& t) {
    Val v;
    ReadValFromFile(filename, v);
    t = static_cast<Tab&>(v);
}

void WriteValToStream(const Val& v, std::ostream& out) {
    v.prettyPrint(out);
    if (!is_table(v.tag) && !is_row(v)) out << '\n';
}

void WriteValToFile(const Val& v, const std::string& filename) {
    errno = 0;
    std::ofstream out(filename, std::ios::binary);
    if (!out) throw_file_error("cannot be opened", filename);
    WriteValToStream(v, out);
    if (!out.flush()) throw_file_error("cannot be written", filename);
}

void WriteTabToFile(const Tab& t, const std::string& filename) { WriteValToFile(t, filename); }

}  // namespace valpool
