#pragma once

/// How a subcommand registers, and what it returns.

#include <CLI/CLI.hpp>

#include <functional>
#include <stdexcept>
#include <string>

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

/// A command line that CLI11 accepts and that makes no sense nevertheless.
struct usage_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// What a subcommand does. Returns the exit code; its exceptions become messages.
using action = std::function<int()>;

/// All subcommands, and the one that the command line has chosen.
class command_set {
public:
    command_set();

    /// A subcommand, to which the caller adds options. These may refer to what `run` owns: it lives
    /// as long as this.
    CLI::App& add(const std::string& name, const std::string& summary, action run);
    /// A subcommand of a subcommand, as in `valpool pipe make`.
    CLI::App& add(CLI::App& parent, const std::string& name, const std::string& summary,
                  action run);
    /// A name for subcommands that belong together.
    CLI::App& add_group(const std::string& name, const std::string& summary);

    /// Parses the command line and does what it says. Returns the exit code, after everything that
    /// was to be said has been.
    int run(int argc, char** argv);

    const CLI::App& app() const noexcept { return app_; }

private:
    int parse_and_run(int argc, char** argv);

    CLI::App app_;
    action chosen_;
};

/// Binds `--json` to `into`.
void add_json_flag(CLI::App& command, bool& into);
/// Binds `--timeout SECONDS`: finite, at least 0.
CLI::Option* add_timeout(CLI::App& command, double& into, const std::string& summary);
/// A word that has to be there, and is not empty.
void add_word(CLI::App& command, const std::string& name, std::string& into,
              const std::string& summary);

}  // namespace tool
