#pragma once

#include "diagnosis.hpp"
#include "process_words.hpp"

#include <string>

namespace tool {

/// Those who should read from a pipe, or write to it, while others wait for that.
class pipe_side {
public:
    static pipe_side readers(const pool_picture& seen, const valpool::pipe_status& p);
    static pipe_side writers(const pool_picture& seen, const valpool::pipe_status& p);

    /// Adds who they are, what keeps them from it, and what to try.
    void explain(finding& f) const;

private:
    using pid_list = boost::container::vector<int>;
    struct words {
        const char* role;
        const char* absent;       // there is nobody
        const char* other_wait;   // what the other side waits for
        const char* other_doing;  // what the other side does
    };

    pipe_side(const pool_picture& seen, const valpool::pipe_status& p, const words& its)
        : seen_(seen), pipe_(p), words_(its), processes_(seen) {}
    bool waits_for_others(int pid) const;
    std::string doing_of(int pid) const;
    void add_openers(finding& f) const;
    void add_absence(const std::vector<std::string>& others, finding& f) const;

    const pool_picture& seen_;
    const valpool::pipe_status& pipe_;
    const words& words_;
    process_words processes_;
    int last_ = 0;            // of this side; 0: nobody yet
    int last_of_others_ = 0;  // of the other side
    const pid_list* other_waits_ = nullptr;
    std::string remedy_;  // when there is nobody
};

}  // namespace tool
