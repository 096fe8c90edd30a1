#include "output_file.hpp"

#include "format.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace mcap {

output_file::output_file(std::string path, bool replace)
    : path_(std::move(path)),
      fd_(open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (replace ? 0 : O_EXCL), 0666)) {
    if (!fd_.is_open()) fail("cannot create");
    // Two that write the same file would each spoil what the other has written.
    if (flock(fd_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        throw file_error("another program is writing '" + path_ +
                         "': take another name, or end it");
    // EINVAL: it is no file that has a length.
    if (replace && ftruncate(fd_.get(), 0) != 0 && errno != EINVAL) fail("cannot replace");
}

void output_file::write(std::string_view bytes) {
    const std::size_t all = bytes.size();
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
        if (written >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno != EINTR) {
            const int why = errno;
            // What is not a file, such as a pipe, cannot be cut; its reader sees where it ends.
            const bool is_cut = ftruncate(fd_.get(), static_cast<off_t>(size_)) == 0 &&
                                lseek(fd_.get(), static_cast<off_t>(size_), SEEK_SET) >= 0;
            errno = why;
            fail(is_cut ? "cannot write any more to" : "cannot write to");
        }
    }
    size_ += all;
}

void output_file::sync() {
    // EINVAL, EROFS: it is no file that could be synchronised.
    if (fsync(fd_.get()) != 0 && errno != EINVAL && errno != EROFS)
        fail("cannot write to the disk:");
}

void output_file::fail(const char* what) const {
    const std::string why = std::strerror(errno);
    throw file_error(std::string(what) + " '" + path_ + "': " + why);
}

}  // namespace mcap
