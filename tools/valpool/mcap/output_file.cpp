#include "output_file.hpp"

#include "format.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mcap {

namespace {

/// What is there and is no file, a pipe say or a link to a file, is not to be replaced by one.
bool is_special(const std::string& path) {
    struct stat is = {};
    return lstat(path.c_str(), &is) == 0 && !S_ISREG(is.st_mode);
}

}  // namespace

output_file::output_file(std::string path, bool replace, appears when)
    : path_(std::move(path)), replace_(replace) {
    if (when == appears::at_once || is_special(path_)) {
        is_made_here_ = access(path_.c_str(), F_OK) != 0;
        open_file(path_, !replace);
        return;
    }
    if (!replace && access(path_.c_str(), F_OK) == 0) {
        errno = EEXIST;
        fail("cannot create");
    }
    temporary_ = path_ + ".unfinished";
    open_file(temporary_, false);
    is_made_here_ = true;
}

output_file::~output_file() {
    // Nothing of it has been moved away.
    if (!fd_.is_open() || !is_made_here_) return;
    if (!temporary_.empty())
        unlink(temporary_.c_str());
    else if (size_ == 0)
        unlink(path_.c_str());
}

void output_file::open_file(const std::string& name, bool is_new) {
    fd_.reset(open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (is_new ? O_EXCL : 0), 0666));
    if (!fd_.is_open()) fail("cannot create");
    // Two that write the same file would each spoil what the other has written.
    if (flock(fd_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        fd_.reset(-1);
        throw file_error("another program is writing '" + path_ +
                         "': take another name, or end it");
    }
    if (!temporary_.empty()) expect_it_is_still(name);
    // EINVAL: it is no file that has a length.
    if (!is_new && ftruncate(fd_.get(), 0) != 0 && errno != EINVAL) fail("cannot replace");
}

/// Another program may have finished it, and given it its name, before it was locked here.
void output_file::expect_it_is_still(const std::string& name) const {
    struct stat here = {}, there = {};
    if (fstat(fd_.get(), &here) == 0 && stat(name.c_str(), &there) == 0 &&
        here.st_dev == there.st_dev && here.st_ino == there.st_ino)
        return;
    throw file_error("another program has just written '" + path_ + "': take another name");
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

void output_file::finish() {
    sync();
    if (temporary_.empty()) return;
    const unsigned flags = replace_ ? 0 : RENAME_NOREPLACE;
    int error =
        renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), flags) == 0 ? 0 : errno;
    // A file system that cannot tell the two apart.
    if (error == EINVAL && flags != 0)
        error = link(temporary_.c_str(), path_.c_str()) == 0 && unlink(temporary_.c_str()) == 0
                    ? 0
                    : errno;
    errno = error;
    if (error != 0) fail("cannot create");
    temporary_.clear();
}

void output_file::fail(const char* what) const {
    const std::string why = std::strerror(errno);
    throw file_error(std::string(what) + " '" + path_ + "': " + why);
}

}  // namespace mcap
