#pragma once

#include "../command_set.hpp"
#include "../mcap/reader.hpp"

#include <valpool/valpool.hpp>

#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

namespace tool {

/// Which messages of a recording are wanted.
struct selection {
    double from_s = 0;  // since the recording's first message
    double to_s = std::numeric_limits<double>::infinity();
    std::vector<std::string> pipes;  // none: all

    /// Binds --from, --to and --pipe.
    void add_options(command_words& command);
};

/// The messages of a recording that are wanted, in its order, as values.
class messages {
public:
    /// Throws what mcap::reader throws; std::runtime_error for a pipe that is not in the file.
    messages(const std::string& file, const selection& wanted);

    struct item {
        const mcap::channel* channel;
        mcap::message message;
    };
    /// False at the end.
    bool next(item& out);
    void rewind() { reader_.rewind(); }

    const mcap::overview& all() const noexcept { return all_; }
    mcap::reader& reader() noexcept { return reader_; }
    /// The start of the time that is wanted, and its end, as far as there are messages.
    mcap::time_ns first() const noexcept { return first_; }
    mcap::time_ns last() const noexcept { return last_; }

    /// Says on standard error what of the file could not be read.
    void tell_problems() const;

private:
    mcap::reader reader_;
    mcap::overview all_;
    std::set<std::string> pipes_;
    mcap::time_ns first_ = 0;
    mcap::time_ns last_ = 0;
};

}  // namespace tool
