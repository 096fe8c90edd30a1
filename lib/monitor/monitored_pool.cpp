#include "monitor/monitored_pool.hpp"

#include "base/system_error.hpp"
#include "process/slot.hpp"
#include "queue/directory.hpp"
#include "segment/limits.hpp"
#include "segment/segment.hpp"

#include <cerrno>
#include <stdexcept>
#include <utility>

namespace valpool::detail {
namespace {

pool_file open_to_look(const std::string& name) {
    pool_file file = pool_file::open_to_read(path_of_segment(name));
    if (file.is_open()) return file;
    if (file.error_number() == ENOENT)
        throw std::runtime_error("there is no memory pool " + quoted(name));
    throw_pool_error("open", subject_of(name), file.error_number());
}

}  // namespace

monitored_pool::monitored_pool(const std::string& name)
    : monitored_pool(open_to_look(checked_pool_name(name)), checked_pool_name(name)) {}

monitored_pool::monitored_pool(pool_file file, std::string name)
    : name_(std::move(name)), file_(std::move(file)), view_(file_, name_) {
    register_pipes();
}

bool monitored_pool::is_dead(std::uint32_t slot) const noexcept {
    return detail::is_dead(pool(), file_, slot);
}

}  // namespace valpool::detail
