#include "process/process_table.hpp"

namespace valpool::detail {

std::shared_ptr<attachment> process_table::of(const arena& a) const {
    for (const auto& at : attachments)
        if (at->pool == &a) return at;
    return nullptr;
}

process_table& process_table::instance() {
    static auto* const table = new process_table;
    return *table;
}

}  // namespace valpool::detail
