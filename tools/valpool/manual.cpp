// valpool manual: the man page and the shells' completions, out of the command line's own
// description. The build calls it; so neither can tell anything else than --help does.

#include "commands.hpp"
#include "output.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

namespace tool {
namespace {

struct command_text {
    std::string name;  // "pipe make"
    const CLI::App* app = nullptr;
};

/// All commands that --help lists.
std::vector<command_text> commands_of(const CLI::App& app, const std::string& prefix) {
    std::vector<command_text> all;
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
        if (sub->get_group().empty()) continue;
        const auto below = commands_of(*sub, prefix + sub->get_name() + " ");
        if (below.empty()) all.push_back({prefix + sub->get_name(), sub});
        all.insert(all.end(), below.begin(), below.end());
    }
    return all;
}

std::vector<const CLI::Option*> options_of(const CLI::App& app, bool positional) {
    std::vector<const CLI::Option*> all;
    for (const CLI::Option* option : app.get_options([](const CLI::Option*) { return true; }))
        if (option->get_positional() == positional) all.push_back(option);
    return all;
}

// --- man ---------------------------------------------------------------------------------------

/// Text for troff: a backslash, and a dot or a quote at the start of a line, mean something there.
std::string for_troff(const std::string& text) {
    std::string result;
    for (const char c : text) {
        if ((c == '.' || c == '\'') && (result.empty() || result.back() == '\n')) result += "\\&";
        result += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
    }
    return result;
}

std::string synopsis(const command_text& command) {
    std::string text = "valpool " + command.name;
    for (const CLI::Option* word : options_of(*command.app, true))
        text +=
            word->get_required() ? " " + word->get_name(true) : " [" + word->get_name(true) + "]";
    return text + " [options]";
}

std::string man_of(const command_text& command) {
    std::string text = ".SS \"" + for_troff(synopsis(command)) + "\"\n" +
                       for_troff(command.app->get_description()) + ".\n";
    for (const bool positional : {true, false})
        for (const CLI::Option* option : options_of(*command.app, positional))
            text += ".TP\n.B " +
                    for_troff(option->get_name(positional, true) + " " +
                              (positional ? "" : option->get_type_name())) +
                    "\n" + for_troff(option->get_description()) + "\n";
    return text;
}

std::string man_page(const CLI::App& app) {
    std::string text =
        ".TH VALPOOL 1 \"\" \"valpool " VALPOOL_VERSION
        "\" \"valpool\"\n"
        ".SH NAME\nvalpool \\- look into memory pools, and help out with them\n"
        ".SH SYNOPSIS\n.B valpool\n.I COMMAND\n[options]\n"
        ".SH DESCRIPTION\nA memory pool is a file in /dev/shm in which processes share values and "
        "pass them on through named pipes. Start with\n.BR \"valpool ls\" ;\nwhen something does "
        "not move, with\n.BR \"valpool why\" .\n.SH COMMANDS\n";
    for (const command_text& command : commands_of(app, "")) text += man_of(command);
    return text + ".SH EXIT STATUS\n.nf\n" + for_troff(app.get_footer()) + ".fi\n" +
           ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nif it is set, there are no colours\n";
}

// --- completion --------------------------------------------------------------------------------

std::string long_options(const CLI::App& app) {
    std::string text;
    for (const CLI::Option* option : options_of(app, false))
        for (const std::string& name : option->get_lnames()) text += " --" + name;
    return text.empty() ? text : text.substr(1);
}

/// The names of POOL and PIPE, wherever a command has them as its words.
std::string bash_completion(const CLI::App& app) {
    std::string names, cases;
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
        if (!sub->get_group().empty()) names += (names.empty() ? "" : " ") + sub->get_name();
    for (const command_text& command : commands_of(app, ""))
        cases += "    '" + command.name + "') options='" + long_options(*command.app) + "' ;;\n";
    return "# bash completion for valpool\n"
           "_valpool() {\n"
           "  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} first=2 options= "
           "names=\n"
           "  local IFS=$'\\n'\n"
           "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "    IFS=' ' ; COMPREPLY=($(compgen -W '" +
           names +
           "' -- \"$word\")) ; return\n"
           "  fi\n"
           "  if [ \"$command\" = pipe ]; then\n"
           "    if [ \"$COMP_CWORD\" -eq 2 ]; then\n"
           "      IFS=' ' ; COMPREPLY=($(compgen -W 'make rm' -- \"$word\")) ; return\n"
           "    fi\n"
           "    command=\"pipe ${COMP_WORDS[2]}\" first=3\n"
           "  fi\n"
           "  case $command in\n" +
           cases +
           "  esac\n"
           "  if [[ $word == -* ]]; then\n"
           "    IFS=' ' ; COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ; return\n"
           "  fi\n"
           "  if [ \"$COMP_CWORD\" -eq \"$first\" ]; then\n"
           "    names=$(valpool ls --names 2>/dev/null)\n"
           "  elif [ \"$COMP_CWORD\" -eq $((first + 1)) ]; then\n"
           "    names=$(valpool stat --names \"${COMP_WORDS[first]}\" 2>/dev/null)\n"
           "  fi\n"
           "  [ -n \"$names\" ] || return\n"
           "  compopt -o filenames 2>/dev/null  # names may have spaces\n"
           "  COMPREPLY=($(compgen -W \"$names\" -- \"$word\"))\n"
           "}\n"
           "complete -o default -F _valpool valpool\n";
}

std::string for_zsh(const std::string& text) {
    std::string result;
    for (const char c : text) {
        if (c == '\'') result += "'\\'";
        if (c == ':' || c == '[' || c == ']') result += '\\';
        result += c;
    }
    return result;
}

std::string zsh_options(const CLI::App& app) {
    std::string text;
    for (const CLI::Option* option : options_of(app, false))
        for (const std::string& name : option->get_lnames())
            text += " '--" + name + "[" + for_zsh(option->get_description()) + "]" +
                    (option->get_type_name().empty() || option->get_items_expected_max() == 0
                         ? ""
                         : ":" + option->get_type_name() + ":") +
                    "'";
    return text;
}

std::string zsh_completion(const CLI::App& app) {
    std::string names, cases;
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
        if (!sub->get_group().empty())
            names += "    '" + sub->get_name() + ":" + for_zsh(sub->get_description()) + "'\n";
    for (const command_text& command : commands_of(app, ""))
        cases += "    (\"" + command.name + "\") options=(" + zsh_options(*command.app) + ") ;;\n";
    return "#compdef valpool\n"
           "_valpool() {\n"
           "  local -a commands options\n"
           "  commands=(\n" +
           names +
           "  )\n"
           "  if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
           "  local command=$words[2] first=3\n"
           "  if [[ $command == pipe ]]; then\n"
           "    if (( CURRENT == 3 )); then _values command make rm; return; fi\n"
           "    command=\"pipe $words[3]\" first=4\n"
           "  fi\n"
           "  case $command in\n" +
           cases +
           "  esac\n"
           "  if [[ $words[CURRENT] == -* ]]; then _arguments $options; return; fi\n"
           "  local -a names\n"
           "  if (( CURRENT == first )); then\n"
           "    names=(${(f)\"$(valpool ls --names 2>/dev/null)\"})\n"
           "  elif (( CURRENT == first + 1 )); then\n"
           "    names=(${(f)\"$(valpool stat --names $words[first] 2>/dev/null)\"})\n"
           "  fi\n"
           "  (( $#names )) && compadd -a names\n"
           "}\n"
           "_valpool \"$@\"\n";
}

int print_manual(const CLI::App& app, const std::string& kind) {
    if (kind == "man")
        print(man_page(app));
    else if (kind == "bash")
        print(bash_completion(app));
    else if (kind == "zsh")
        print(zsh_completion(app));
    else
        throw usage_error("'" + kind + "' is none of man, bash, zsh");
    return exit_done;
}

}  // namespace

void add_manual(command_set& commands) {
    const auto kind = std::make_shared<std::string>();
    command_words c(
        commands.add("manual", "prints the man page, or a shell's completion",
                     [kind, &commands] { return print_manual(commands.app(), *kind); }));
    c.word("KIND", *kind, "man, bash or zsh");
    c.hide();
}

}  // namespace tool
