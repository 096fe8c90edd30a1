#pragma once

/// How a subcommand registers, and what it returns. Without CLI11: its header takes a compiler
/// longer than all that most commands' sources have of their own.

#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tool {

/// The program's exit codes. `valpool --help` and docs/tools.md list them.
enum exit_code : int {
    exit_done = 0,
    exit_failed = 1,        // the message says why, and what to try next
    exit_bad_usage = 2,     // of the command line
    exit_timed_out = 3,     // --timeout passed before it was done
    exit_found = 4,         // why, check and doctor: something is wrong
    exit_interrupted = 130  // Ctrl-C; SIGTERM: 143
};

/// A command line that the parser accepts and that makes no sense nevertheless.
struct usage_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// What a subcommand does. Returns the exit code; its exceptions become messages.
using action = std::function<int()>;

/// The words and options of a subcommand. `into` keeps its value unless the command line has
/// another one; it has to live until the command has run. In `name`, several names of an option are
/// separated by commas: "-n,--count". Help shows `value` as the name of an option's value.
class command_words {
public:
    explicit command_words(CLI::App& app) noexcept : app_(&app) {}

    void word(const std::string& name, std::string& into, const std::string& help);
    void optional_word(const std::string& name, std::string& into, const std::string& help);
    void optional_word(const std::string& name, std::size_t& into, const std::string& help);
    /// One or more.
    void words(const std::string& name, std::vector<std::string>& into, const std::string& help);
    void optional_words(const std::string& name, std::vector<std::string>& into,
                        const std::string& help);
    /// A number that has to be there, 1 at least.
    void number_word(const std::string& name, int& into, int most, const std::string& help);
    /// The words POOL and PIPE, both of them needed.
    void pool_and_pipe(std::string& pool, std::string& pipe);

    void flag(const std::string& name, bool& into, const std::string& help);
    void json_flag(bool& into);
    struct range {
        double least = 0;
        double most = std::numeric_limits<double>::max();
    };
    void option(const std::string& name, std::string& into, const std::string& value,
                const std::string& help);
    void option(const std::string& name, std::size_t& into, range allowed, const std::string& help);
    void option(const std::string& name, int& into, range allowed, const std::string& help);
    /// One of these words.
    void choice(const std::string& name, std::string& into, const std::vector<std::string>& allowed,
                const std::string& help);
    /// A size as size_of_text() reads it.
    void size(const std::string& name, std::size_t& into, const std::string& help);
    /// May be given several times.
    void list(const std::string& name, std::vector<std::string>& into, const std::string& value,
              const std::string& help);
    /// Any number.
    void number(const std::string& name, double& into, range allowed, const std::string& value,
                const std::string& help);
    /// Seconds.
    void seconds(const std::string& name, double& into, range allowed, const std::string& help);
    /// `--timeout SECONDS`: finite, at least 0.
    void timeout(double& into, const std::string& help);
    /// Not both of them.
    void exclude(const std::string& name, const std::string& other);
    /// --help does not list the command.
    void hide();

private:
    CLI::App* app_;
};

/// All subcommands, and the one that the command line has chosen.
class command_set {
public:
    command_set();
    ~command_set();
    command_set(const command_set&) = delete;
    command_set& operator=(const command_set&) = delete;

    /// A subcommand, to which the caller adds words and options by command_words. These may refer
    /// to what `run` owns: it lives as long as this.
    CLI::App& add(const std::string& name, const std::string& summary, action run);
    /// A subcommand of a subcommand, as in `valpool pipe make`.
    CLI::App& add(CLI::App& parent, const std::string& name, const std::string& summary,
                  action run);
    /// A name for subcommands that belong together.
    CLI::App& add_group(const std::string& name, const std::string& summary);

    /// Parses the command line and does what it says. Returns the exit code, after everything that
    /// was to be said has been.
    int run(int argc, char** argv);

    const CLI::App& app() const noexcept { return *app_; }

private:
    int parse_and_run(int argc, char** argv);

    std::unique_ptr<CLI::App> app_;
    action chosen_;
};

}  // namespace tool
