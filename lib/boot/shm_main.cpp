#include <valpool/shm_main.hpp>

#include "base/system_error.hpp"
#include "boot/pool_access.hpp"
#include "boot/startup.hpp"
#include "queue/directory.hpp"

#include <cerrno>
#include <sstream>
#include <stdexcept>
#include <utility>

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
    }

    ~implementation() {
        if (!access_ || pid_ != getpid()) return;
        arena& a = access_.pool();
        if (keeps_) a.kept.store(1);
        if (!keeps_) remove_name();
        a.main_slot.store(0);
        access_.user->file.unlock(main_role);
    }

    State_e start() {
        if (state_ == STARTED) return state_;
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

    pool_access& access() {
        if (state_ != STARTED) throw std::runtime_error(subject() + " is not started");
        return access_;
    }

    startup_options options_;
    bool keeps_ = false;
    bool is_for_group_ = false;
    bool wants_huge_pages_ = false;
    State_e state_ = STOPPED;

private:
    std::string subject() const { return "memory pool " + quoted(options_.name); }

    /// False when the break checker ended it.
    bool make_pool() {
        for (startup_wait wait(options_);;) {
            pool_file file = pool_file::open(path_of_segment(options_.name));
            if (!file.is_open() && file.error_number() != ENOENT)
                throw_system_error("open", subject(), file.error_number());
            const bool done = file.is_open() ? replace(std::move(file)) : create();
            if (done) return true;
            if (!wait.pause()) return false;
        }
    }

    bool create() {
        access_ = create_pool(
            {options_.name, bytes_, options_.forced_addr, is_for_group_ ? 0660U : 0600U});
        if (!access_) return false;
        pid_ = getpid();
        say(options_, "created, " + std::to_string(bytes_) + " bytes");
        if (wants_huge_pages_) take_huge_pages();
        if (options_.populates) access_.populate();
        return true;
    }

    /// Deals with what is there already. False: look again.
    bool replace(pool_file file) {
        // One at a time, and only with the file that still has the name.
        if (!file.try_lock(takeover_role)) return false;
        if (!is_named(file, options_.name)) return false;
        const pool_view view(file, options_.name);
        refuse_living_main(file, view);
        if (is_in_use(file, view.pool())) return take_over(std::move(file), view);
        unlink(path_of_segment(options_.name).c_str());
        say(options_, "removed the pool of a run that is over");
        return create();
    }

    void refuse_living_main(const pool_file& file, const pool_view& view) const {
        if (!file.is_locked_by_another(main_role)) return;
        const std::uint32_t main = view.pool().main_slot.load();
        const std::string pid =
            main == 0 ? "unknown" : std::to_string(view.pool().slot(main - 1).pid.load());
        throw std::runtime_error(subject() + " has a SHMMain already, in the living process " +
                                 pid);
    }

    bool take_over(pool_file file, const pool_view& view) {
        if (view.boot().pool_bytes != bytes_)
            throw std::runtime_error(
                subject() + " lost its SHMMain, but is in use by the living processes " +
                pids_of(file, view.pool()) + ", with " + std::to_string(view.boot().pool_bytes) +
                " bytes instead of " + std::to_string(bytes_));
        pool_access access =
            attach_verified(pool_file::open(path_of_segment(options_.name)), view.boot().nonce,
                            options_.name, options_.forced_addr);
        if (!access) return false;
        lane_of_thread(access.pool());  // a child that has not used the pool yet has no slot
        if (!access.user->file.try_lock(main_role)) return false;
        access.pool().main_slot.store(access.user->slot + 1);
        access_ = std::move(access);
        pid_ = getpid();
        say(options_, "took over a pool that lost its SHMMain");
        return true;
    }

    void take_huge_pages() const {
        arena& a = access_.pool();
        if (!use_huge_pages(&a, a.size_bytes))
            say(options_, "the system has no huge pages for it (any more)");
    }

    void remove_name() noexcept {
        const std::string path = path_of_segment(options_.name);
        pool_file& file = access_.user->file;
        file.revive(path);
        const bool has_turn = file.try_lock(takeover_role);
        if (has_turn && is_named(file, options_.name) && unlink(path.c_str()) != 0)
            warn_of_name_left(options_, errno);
        if (has_turn) file.unlock(takeover_role);
    }

    std::size_t bytes_;
    pool_access access_;
    pid_t pid_ = 0;
};

SHMMain::SHMMain(const std::string& memory_pool_name, std::size_t bytes, bool debug,
                 void* forced_addr, BreakChecker external_break, std::int64_t micro_sleep)
    : self_(std::make_unique<implementation>(
          checked_options(memory_pool_name, debug, forced_addr, external_break, micro_sleep),
          bytes)) {}
SHMMain::~SHMMain() = default;

State_e SHMMain::start() { return self_->start(); }
State_e SHMMain::state() const noexcept { return self_->state_; }
StreamingPool* SHMMain::pool() const { return &self_->access().pool(); }
Bootstrap_t* SHMMain::boot() const { return self_->access().boot; }
bool SHMMain::removePipe(const std::string& pipe_name) {
    return remove_pipe(*self_->access().user.get(), pipe_name);
}
bool SHMMain::warning(bool on) noexcept { return std::exchange(self_->options_.warns, on); }
bool SHMMain::addressRandomization() const { return has_address_randomization(); }
bool SHMMain::prefault(bool on) noexcept { return std::exchange(self_->options_.populates, on); }
bool SHMMain::hugePages(bool on) noexcept { return std::exchange(self_->wants_huge_pages_, on); }
void SHMMain::keep(bool on) noexcept { self_->keeps_ = on; }
void SHMMain::shareWithGroup(bool on) noexcept { self_->is_for_group_ = on; }

}  // namespace valpool
