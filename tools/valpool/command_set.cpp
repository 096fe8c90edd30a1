#include "command.hpp"

#include "interrupt.hpp"
#include "output.hpp"

#include <cmath>
#include <exception>
#include <memory>
#include <new>
#include <utility>

namespace tool {
namespace {

const char exit_codes[] =
    "Exit codes:\n"
    "  0    done\n"
    "  1    it failed; the message says why, and what to try next\n"
    "  2    the command line makes no sense\n"
    "  3    the time that --timeout gives has passed\n"
    "  4    why, check, doctor: something is wrong, and the output says what\n"
    "  130  ended by Ctrl-C (143: by SIGTERM, 129: by SIGHUP)\n"
    "\n"
    "valpool COMMAND --help explains a command.\n";

/// Help as CLI11 writes it, but with the words of a command in front of its options.
class help_format : public CLI::Formatter {
public:
    help_format() {
        column_width(28);
        label("REQUIRED", "");
        label("Positionals", "Arguments");
    }
};

}  // namespace

command_set::command_set()
    : app_(
          "Looks into the memory pools of valpool, and helps out with them.\n"
          "Start with `valpool ls`; when something does not move, `valpool why POOL`.",
          "valpool") {
    app_.formatter(std::make_shared<help_format>());
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "valpool " VALPOOL_VERSION);
    app_.footer(exit_codes);
}

CLI::App& command_set::add(const std::string& name, const std::string& summary, action run) {
    return add(app_, name, summary, std::move(run));
}

CLI::App& command_set::add(CLI::App& parent, const std::string& name, const std::string& summary,
                           action run) {
    CLI::App& command = *parent.add_subcommand(name, summary);
    command.footer("");
    command.final_callback([this, run = std::move(run)] { chosen_ = run; });
    return command;
}

CLI::App& command_set::add_group(const std::string& name, const std::string& summary) {
    CLI::App& group = *app_.add_subcommand(name, summary);
    group.footer("");
    group.require_subcommand(1);
    return group;
}

int command_set::run(int argc, char** argv) {
    watch_for_interrupts();
    try {
        return parse_and_run(argc, argv);
    } catch (const output_closed&) {
        return interrupted_exit_code();
    } catch (const usage_error& wrong) {
        complain(wrong.what());
        return exit_bad_usage;
    } catch (const std::bad_alloc&) {
        complain("this process has no memory left");
    } catch (const std::exception& failure) {
        if (was_interrupted()) return interrupted_exit_code();
        complain(failure.what());
    }
    return exit_failed;
}

int command_set::parse_and_run(int argc, char** argv) {
    try {
        app_.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        print(app_.help());
        return exit_done;
    } catch (const CLI::CallForVersion& version) {
        print(std::string(version.what()) + "\n");
        return exit_done;
    } catch (const CLI::ParseError& wrong) {
        throw usage_error(
            std::string(wrong.what()) +
            "\nvalpool --help lists the commands; valpool COMMAND --help explains one");
    }
    return chosen_();
}

void add_json_flag(CLI::App& command, bool& into) {
    command.add_flag("--json", into, "print JSON, for programs; docs/tools.md lists the names");
}

CLI::Option* add_timeout(CLI::App& command, double& into, const std::string& summary) {
    const auto is_time = [&into](const std::string&) -> std::string {
        return std::isfinite(into) && into >= 0 ? "" : "a time is a number of seconds, 0 or more";
    };
    return command.add_option("--timeout", into, summary)->type_name("SECONDS")->check(is_time);
}

void add_word(CLI::App& command, const std::string& name, std::string& into,
              const std::string& summary) {
    command.add_option(name, into, summary)->required()->type_name("");
}

}  // namespace tool
