#include "command_set.hpp"

#include "cut_files.hpp"
#include "interrupt.hpp"
#include "nearest.hpp"
#include "output.hpp"
#include "terminal.hpp"
#include "words.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <sstream>
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
        label("Excludes", "not with");
        label("Positionals", "Arguments");
    }
};

}  // namespace

command_set::command_set()
    : app_(std::make_unique<CLI::App>(
          "Looks into the memory pools of valpool, and helps out with them.\n"
          "Start with `valpool ls`; when something does not move, `valpool why POOL`.",
          "valpool")) {
    app_->formatter(std::make_shared<help_format>());
    app_->require_subcommand(1);
    app_->set_version_flag("--version", "valpool " VALPOOL_VERSION);
    app_->footer(exit_codes);
}

command_set::~command_set() = default;

CLI::App& command_set::add(const std::string& name, const std::string& summary, action run) {
    return add(*app_, name, summary, std::move(run));
}

CLI::App& command_set::add(CLI::App& parent, const std::string& name, const std::string& summary,
                           action run) {
    CLI::App& added = *parent.add_subcommand(name, summary);
    added.footer("");
    added.final_callback([this, run = std::move(run)] { chosen_ = run; });
    return added;
}

CLI::App& command_set::add_group(const std::string& name, const std::string& summary) {
    CLI::App& group = *app_->add_subcommand(name, summary);
    group.footer("");
    group.require_subcommand(1);
    return group;
}

int command_set::run(int argc, char** argv) {
    watch_for_interrupts();
    survive_cut_files();
    try {
        const int code = parse_and_run(argc, argv);
        if (!has_unsaid_cut_file()) return code;
        complain(
            "the file of a memory pool was cut short while it was looked at: what has been printed "
            "of it may be wrong\nend the programs that use it; then `valpool rm --damaged NAME` "
            "removes it");
        return exit_failed;
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

namespace {

/// CLI11 says of a command that there is none of that name only that one is required.
void expect_command(const CLI::App& root, int argc, char** argv) {
    const CLI::App* app = &root;
    std::string before;
    for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
        std::vector<std::string> names;
        for (const CLI::App* its : app->get_subcommands([](const CLI::App*) { return true; }))
            names.push_back(its->get_name());
        if (names.empty()) return;  // the words of a command follow
        const std::string word = argv[i];
        if (std::find(names.begin(), names.end(), word) == names.end())
            throw usage_error("there is no command '" + before + shown(word) + "'" +
                              did_you_mean(word, names, before) +
                              "\nvalpool --help lists the commands");
        app = app->get_subcommand(word);
        before += word + " ";
    }
}

}  // namespace

int command_set::parse_and_run(int argc, char** argv) {
    expect_command(*app_, argc, argv);
    try {
        app_->parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        print(app_->help());
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

// --- words and options -------------------------------------------------------------------------

namespace {

/// CLI11's own message says "FLOAT in [0 - 3600]".
std::string outside(const std::string& text, const command_words::range& allowed) {
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    const bool is_number = !text.empty() && *end == '\0' && std::isfinite(number);
    if (is_number && number >= allowed.least && number <= allowed.most) return "";
    std::ostringstream why;
    why << "'" << text << "' is no number from " << allowed.least << " on";
    if (allowed.most < std::numeric_limits<double>::max()) why << ", to " << allowed.most;
    return why.str();
}

template <class Number>
void add_number(CLI::App& app, const std::string& name, Number& into, command_words::range allowed,
                const std::string& value, const std::string& help) {
    app.add_option(name, into, help)->type_name(value)->check([allowed](const std::string& text) {
        return outside(text, allowed);
    });
}

}  // namespace

void command_words::word(const std::string& name, std::string& into, const std::string& help) {
    app_->add_option(name, into, help)->required()->type_name("");
}

void command_words::optional_word(const std::string& name, std::string& into,
                                  const std::string& help) {
    app_->add_option(name, into, help)->type_name("");
}

void command_words::optional_word(const std::string& name, std::size_t& into,
                                  const std::string& help) {
    add_number(*app_, name, into, {0, 1e15}, "", help);
}

void command_words::words(const std::string& name, std::vector<std::string>& into,
                          const std::string& help) {
    app_->add_option(name, into, help)->required()->type_name("");
}

void command_words::optional_words(const std::string& name, std::vector<std::string>& into,
                                   const std::string& help) {
    app_->add_option(name, into, help)->type_name("");
}

void command_words::number_word(const std::string& name, int& into, int most,
                                const std::string& help) {
    add_number(*app_, name, into, {1, static_cast<double>(most)}, "", help);
    app_->get_option(name)->required();
}

void command_words::pool_and_pipe(std::string& pool, std::string& pipe) {
    word("POOL", pool, "name of the pool");
    word("PIPE", pipe, "name of the pipe");
}

void command_words::flag(const std::string& name, bool& into, const std::string& help) {
    app_->add_flag(name, into, help);
}

void command_words::json_flag(bool& into) {
    flag("--json", into, "print JSON, for programs; docs/tools.md lists the names");
}

void command_words::option(const std::string& name, std::string& into, const std::string& value,
                           const std::string& help) {
    app_->add_option(name, into, help)->type_name(value);
}

void command_words::option(const std::string& name, std::size_t& into, range allowed,
                           const std::string& help) {
    add_number(*app_, name, into, allowed, "N", help);
}

void command_words::option(const std::string& name, int& into, range allowed,
                           const std::string& help) {
    add_number(*app_, name, into, allowed, "N", help);
}

void command_words::choice(const std::string& name, std::string& into,
                           const std::vector<std::string>& allowed, const std::string& help) {
    app_->add_option(name, into, help)->type_name("HOW")->check(CLI::IsMember(allowed));
}

void command_words::size(const std::string& name, std::size_t& into, const std::string& help) {
    app_->add_option_function<std::string>(
            name, [&into](const std::string& text) { into = size_of_text(text); }, help)
        ->type_name("BYTES");
}

void command_words::list(const std::string& name, std::vector<std::string>& into,
                         const std::string& value, const std::string& help) {
    app_->add_option(name, into, help)->type_name(value)->allow_extra_args(false);
}

void command_words::number(const std::string& name, double& into, range allowed,
                           const std::string& value, const std::string& help) {
    add_number(*app_, name, into, allowed, value, help);
}

void command_words::seconds(const std::string& name, double& into, range allowed,
                            const std::string& help) {
    add_number(*app_, name, into, allowed, "SECONDS", help);
}

void command_words::timeout(double& into, const std::string& help) {
    seconds("--timeout", into, {}, help);
}

void command_words::exclude(const std::string& name, const std::string& other) {
    app_->get_option(name)->excludes(app_->get_option(other));
}

void command_words::hide() { app_->group(""); }

}  // namespace tool
