#pragma once

/// For subcommands that describe their options with CLI11 itself.

#include "command_set.hpp"

#include <CLI/CLI.hpp>

#include <cmath>
#include <string>

namespace tool {

/// Binds `--json` to `into`.
void add_json_flag(CLI::App& command, bool& into);
/// Binds `--timeout SECONDS`: finite, at least 0.
CLI::Option* add_timeout(CLI::App& command, double& into, const std::string& summary);
/// A word that has to be there.
void add_word(CLI::App& command, const std::string& name, std::string& into,
              const std::string& summary);
/// The words POOL and PIPE, both of them needed.
void add_pool_and_pipe(CLI::App& command, std::string& pool, std::string& pipe);

/// A check for options with a number: finite, and `least` or more.
inline CLI::Validator finite_from(double least) {
    return CLI::Validator(
        [least](const std::string& text) {
            double number = 0;
            const bool is_number = CLI::detail::lexical_cast(text, number);
            return is_number && std::isfinite(number) && number >= least
                       ? std::string()
                       : "'" + text + "' is no number that makes sense here";
        },
        "");
}

}  // namespace tool
