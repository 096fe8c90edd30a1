#include <valpool/boot/shm_main.hpp>

#include "base/kill_point.hpp"
#include "base/system_error.hpp"
#include "boot/pool_access.hpp"
#include "boot/startup.hpp"
#include "process/fork.hpp"
#include "process/process_table.hpp"
#include "process/retirement.hpp"
#include "process/slot.hpp"
#include "queue/directory.hpp"
#include "segment/limits.hpp"

#include <cerrno>
#include <chrono>
#include <limits>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace valpool {

using namespace detail;

namespace {

std::string pids_of(const pool_file& file, const arena& a) {
    std::ostringstream pids;
    for (std::uint32_t i = 0; i < a.lane_count; ++i)
        if (a.slot(i).state.load() == process_slot::attached &&
            file.is_locked_by_another(slot_role(i)))
            pids << (pids.tellp() > 0 ? ", " : "") << a.slot(i).pid.load();
    return pids.str();
}

}  // namespace

class SHMMain::implementation {
public:
    implementation(startup_options options, std::size_t bytes)
        : options_(std::move(options)), bytes_(bytes) {
        if (bytes == 0) throw std::logic_error("a memory pool needs more than zero bytes");
        if (bytes > static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()))
            throw std::logic_error("a memory pool cannot have " + byte_count(bytes) + " bytes");
    }

    ~implementation() {
        if (!access_) return;
        if (is_inherited() && !is_all_that_is_left()) return;
        arena& a = access_.pool();
        if (!keeps_) {
            // Retire the pool before its name goes: a thread that wakes up and looks for the next
            // pool of that name must not find this one.
            retire(a);
            remove_name();
        }
        a.main_slot.store(0);
        access_.user->file.unlock(main_role);
    }

    State_e start() {
        if (state_ == STARTED && is_inherited()) return start_in_child();
        if (state_ == STARTED) {
            restore_name();
            return state_;
        }
        state_ = STARTING;
        try {
            warn_of_randomization(options_);
            state_ = make_pool() ? STARTED : STOPPED;
        } catch (...) {
            access_ = {};
            state_ = STOPPED;
            throw;
        }
        return state_;
    }

    /// A forked child has the pool, but not the role.
    State_e state() const noexcept {
        return state_ == STARTED && is_inherited() ? STOPPED : state_;
    }

    pool_access& access() {
        if (state_ != STARTED) throw std::runtime_error(subject() + " is not started");
        return access_;
    }

    void keep(bool on) noexcept {
        keeps_ = on;
        if (access_ && !is_inherited()) access_.pool().kept.store(on ? 1 : 0);
    }

    bool has_name() const noexcept {
        return access_ && !is_inherited() && is_named(access_.user->file, options_.name);
    }

    startup_options options_;
    bool is_for_group_ = false;
    bool wants_huge_pages_ = false;
    bool begins_anew_ = false;

private:
    std::string subject() const { return subject_of(options_.name); }
    std::string path() const { return path_of_segment(options_.name); }
    unsigned mode() const noexcept { return is_for_group_ ? 0660U : 0600U; }
    bool is_inherited() const noexcept { return generation_ != fork_generation(); }

    /// For a forked child: true when its parent has ended without removing the pool, as with
    /// daemon(3), and nobody else uses the pool. Then this process has the main role.
    bool is_all_that_is_left() const noexcept {
        try {
            arena& a = access_.pool();
            if (keeps_ || is_retired(a)) return false;
            lane_of_thread(a);  // gets a slot if this child has none yet
            pool_file& file = access_.user->file;
            if (!file.try_lock(main_role)) return false;
            if (!is_in_use(file, a)) return true;
            file.unlock(main_role);
        } catch (const std::exception&) {
            // This process cannot reach the pool: then it is not responsible for it.
        }
        return false;
    }

    /// False when the break checker ended the wait.
    bool make_pool() {
        temporary_file::sweep();
        for (startup_wait wait(options_);;) {
            const found what = clear_the_way();
            if (what == found::nothing) create();
            if (access_) {
                begin();
                return true;
            }
            if (!wait.pause()) return false;
        }
    }

    /// What has the pool's name now.
    enum class found {
        nothing,  // the name is free (again)
        ours,     // a pool that this object has taken up
        others    // another process is at it: look again
    };

    found clear_the_way() {
        const no_forks guard;
        pool_file file = pool_file::open(path());
        if (file.is_open()) return replace(std::move(file));
        if (file.error_number() != ENOENT) throw_pool_error("open", subject(), file.error_number());
        remove_dead_link();
        return found::nothing;
    }

    /// Has no effect when somebody else has taken the name meanwhile.
    void create() {
        access_ = create_pool({options_.name, bytes_, options_.forced_addr, mode()});
        if (!access_) return;
        say(options_, "created, " + std::to_string(bytes_) + " bytes");
    }

    /// Called when this object has become the pool's SHMMain.
    void begin() {
        generation_ = fork_generation();
        access_.pool().kept.store(keeps_ ? 1 : 0);
        if (options_.dumps) access_.dump_with_core(true);
        if (wants_huge_pages_) take_huge_pages();
        if (options_.populates) access_.populate();
    }

    /// Deals with a file that already has the name.
    found replace(pool_file file) {
        // Only one process at a time, and only for the file that still has the name.
        if (!file.lock_or_throw(takeover_role, subject())) return found::others;
        if (!is_named(file, options_.name)) return found::others;
        std::optional<pool_view> view;
        try {
            view.emplace(file, options_.name);
        } catch (const other_layout&) {
            if (!begins_anew_ || file.is_used_by_another()) throw;
            return remove();
        }
        refuse_living_main(file, *view);
        const arena& a = view->pool();
        const bool is_used = is_in_use(file, a);
        if (is_retired(a) || (!is_used && a.kept.load() == 0)) return remove();
        if (!begins_anew_) return take_up(file, *view, is_used) ? found::ours : found::others;
        if (is_used && !retire_for_others(*view)) return found::others;
        return remove();
    }

    found remove() const {
        unlink_or_throw();
        say(options_, "removed the pool of an earlier run");
        return found::nothing;
    }

    void unlink_or_throw() const {
        if (unlink(path().c_str()) == 0 || errno == ENOENT) return;
        throw std::runtime_error(
            subject() + " is left over from an earlier run, and this process may not remove it (" +
            std::generic_category().message(errno) + "): its owner, or root, has to remove " +
            path());
    }

    void refuse_living_main(const pool_file& file, const pool_view& view) const {
        if (file.is_locked_by_another(main_role)) throw_living_main(view.pool());
    }

    [[noreturn]] void throw_living_main(const arena& a) const {
        const std::int32_t pid = pid_of_slot(a, a.main_slot.load());
        throw std::runtime_error(subject() + " has a SHMMain already, in the living process " +
                                 (pid == 0 ? "unknown" : std::to_string(pid)));
    }

    /// Empty when the name leads to another file by now.
    pool_access attach_to(const pool_view& view) const {
        pool_file own = pool_file::open(path());
        if (!own.is_open()) throw_pool_error("open", subject(), own.error_number());
        return attach_verified(std::move(own), view.boot(), options_.name, options_.forced_addr);
    }

    /// Takes over a pool that its SHMMain has kept, or left behind when it died, if the pool has
    /// the requested size. False when another process was faster.
    bool take_up(const pool_file& file, const pool_view& view, bool is_used) {
        check_size(file, view, is_used);
        pool_access access = attach_to(view);
        if (!access) return false;
        lane_of_thread(access.pool());  // gets a slot if a child has none yet
        pool_file& own = access.user->file;
        if (!own.lock_or_throw(main_role, subject())) return false;
        try {
            set_mode(own);
        } catch (...) {
            own.unlock(main_role);
            throw;
        }
        access.pool().main_slot.store(access.user->slot + 1);
        access_ = std::move(access);
        say(options_, is_used ? "took over a pool that lost its SHMMain" : "took up a kept pool");
        return true;
    }

    void check_size(const pool_file& file, const pool_view& view, bool is_used) const {
        if (view.boot().pool_bytes == bytes_) return;
        throw std::runtime_error(
            subject() +
            (is_used ? " lost its SHMMain, but is in use by the living processes " +
                           pids_of(file, view.pool()) + ","
                     : std::string(" was kept")) +
            " with " + std::to_string(view.boot().pool_bytes) + " bytes instead of " +
            std::to_string(bytes_) + ": request that size, or call beginAnew(true)");
    }

    void set_mode(const pool_file& file) const {
        struct stat status {};
        if (fstat(file.fd(), &status) != 0) throw_pool_error("fstat", subject(), errno);
        if ((status.st_mode & 0777) != mode() && fchmod(file.fd(), mode()) != 0)
            throw_pool_error(is_for_group_ ? "fchmod for shareWithGroup(true)"
                                           : "fchmod for shareWithGroup(false)",
                             subject(), errno);
    }

    /// False when the name leads to another file by now.
    bool retire_for_others(const pool_view& view) const {
        const pool_access access = attach_to(view);
        if (!access) return false;
        retire(access.pool());
        return true;
    }

    void take_huge_pages() const {
        arena& a = access_.pool();
        if (!use_huge_pages(&a, a.size_bytes))
            say(options_, "the system has no huge pages for it (any more)");
    }

    /// A forked child takes over the main role when its parent has ended, as with daemon(3). The
    /// parent may be just about to end, so this waits for up to a second.
    State_e start_in_child() {
        if (is_retired(access_.pool())) {
            access_ = {};
            state_ = STOPPED;
            return start();
        }
        lane_of_thread(access_.pool());  // gets a slot if this child has none yet
        pool_file& file = access_.user->file;
        const deadline until = deadline::in(std::chrono::seconds(1));
        for (startup_wait wait(options_); !file.lock_or_throw(main_role, subject());) {
            if (until.has_passed()) throw_living_main(access_.pool());
            if (!wait.pause()) return STOPPED;
        }
        access_.pool().main_slot.store(access_.user->slot + 1);
        say(options_, "took the SHMMain's role over from the process that it was forked from");
        begin();
        return state_;
    }

    /// Another program can remove the pool's name: a clean-up of old files, or of files whose user
    /// has logged out. If the file has another name, it gets its own name back. A file without any
    /// name cannot get one: instead, a symbolic link to this process's descriptor of the file
    /// stands in for the name.
    void restore_name() {
        pool_file& file = access_.user->file;
        if (is_named(file, options_.name)) return;
        remove_dead_link();
        int error = file.is_intact() ? file.link_to(path()) : EBADF;
        if (error == ENOENT && symlink(path_of_descriptor(file).c_str(), path().c_str()) == 0)
            error = 0;
        else if (error == ENOENT)
            error = errno;
        if (error == EEXIST)
            throw std::runtime_error(subject() + " has lost its name: " + path() +
                                     " is now another file");
        if (error == 0 && !is_named(file, options_.name)) {
            unlink(path().c_str());
            error = ENOENT;  // without /proc such a link leads nowhere
        }
        if (error != 0) throw_pool_error("restoring its name", subject(), error);
        say(options_, "restored its name");
    }

    /// The path by which other processes reach this process's descriptor.
    static std::string path_of_descriptor(const pool_file& file) {
        char text[32] = {};
        const bool is_told = readlink("/proc/self", text, sizeof text - 1) > 0;
        const std::string pid = is_told ? text : std::to_string(getpid());
        return "/proc/" + pid + "/fd/" + std::to_string(file.fd());
    }

    /// Removes the link that stood in for the name of a pool whose SHMMain is dead. Any other dead
    /// link is not ours to remove: throws.
    void remove_dead_link() const {
        struct stat status {};
        const std::string link = path();
        if (lstat(link.c_str(), &status) != 0 || !S_ISLNK(status.st_mode) ||
            stat(link.c_str(), &status) == 0)
            return;
        if (is_dead_link(options_.name.c_str())) return unlink_or_throw();
        throw std::runtime_error(subject() + ": " + link +
                                 " is a symbolic link that leads nowhere");
    }

    void remove_name() noexcept {
        pool_file& file = access_.user->file;
        const segment_path path(options_.name);
        file.revive(path.c_str());
        // Another process may be checking whether it can take the pool over; that takes only a
        // moment.
        const deadline until = deadline::in(std::chrono::seconds(1));
        while (!file.try_lock(takeover_role)) {
            const int refusal = file.refusal();
            if (until.has_passed() || refusal != 0)
                return warn_of_name_left(options_, refusal == 0 ? EAGAIN : refusal);
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        if (is_named(file, options_.name) && unlink(path.c_str()) != 0 && errno != ENOENT)
            warn_of_name_left(options_, errno);
        VALPOOL_KILL_POINT("retire.unnamed");
        file.unlock(takeover_role);
    }

    std::size_t bytes_;
    bool keeps_ = false;
    State_e state_ = STOPPED;
    pool_access access_;
    std::uint32_t generation_ = 0;
};

SHMMain::SHMMain(const std::string& memory_pool_name, std::size_t bytes, bool debug,
                 void* forced_addr, break_checker external_break, std::int64_t micro_sleep)
    : self_(
          std::make_unique<implementation>(checked_options(memory_pool_name, debug, forced_addr,
                                                           std::move(external_break), micro_sleep),
                                           bytes)) {}
SHMMain::~SHMMain() = default;

State_e SHMMain::start() { return self_->start(); }
State_e SHMMain::state() const noexcept { return self_->state(); }
StreamingPool* SHMMain::pool() const { return &self_->access().pool(); }
Bootstrap_t* SHMMain::boot() const { return self_->access().boot; }
bool SHMMain::removePipe(const std::string& pipe_name) {
    return remove_pipe(*self_->access().user.get(), pipe_name);
}
bool SHMMain::warning(bool on) noexcept { return std::exchange(self_->options_.warns, on); }
bool SHMMain::addressRandomization() const { return has_address_randomization(); }
bool SHMMain::prefault(bool on) noexcept { return std::exchange(self_->options_.populates, on); }
bool SHMMain::hugePages(bool on) noexcept { return std::exchange(self_->wants_huge_pages_, on); }
void SHMMain::keep(bool on) noexcept { self_->keep(on); }
bool SHMMain::beginAnew(bool on) noexcept { return std::exchange(self_->begins_anew_, on); }
bool SHMMain::hasName() const noexcept { return self_->has_name(); }
bool SHMMain::coreDumps(bool on) noexcept { return std::exchange(self_->options_.dumps, on); }
void SHMMain::shareWithGroup(bool on) noexcept { self_->is_for_group_ = on; }

}  // namespace valpool
