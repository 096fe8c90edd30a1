#pragma once

/// The command lines of the samples and the benchmarks, read by CLI11: words in an order, options
/// with values, flags, --help. Bad ones end with exit code 2, and say why.

#include <CLI/CLI.hpp>

#include <cmath>
#include <cstddef>
#include <iostream>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

/// A command line that makes no sense.
struct usage_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Bind variables first; parse() sets those that are given, and leaves the others as they are.
class command_line {
public:
    /// `usage` is what --help prints.
    explicit command_line(std::string usage) : usage_(std::move(usage)) { app_.allow_extras(); }

    /// Words without dashes, all of them needed, in the order of these calls. An option's name
    /// begins with dashes, and it may be left out.
    void text(const std::string& name, std::string& into) { bind(name, into); }
    template <class Integer>
    void integer(const std::string& name, Integer& into,
                 Integer least = std::numeric_limits<Integer>::min()) {
        static_assert(std::is_signed_v<Integer>, "so that -1 is refused, and does not wrap around");
        bind(name, into)->check([least](const std::string& text) -> std::string {
            long long value = 0;
            const auto convert = [](auto... a) { return std::stoll(a..., 0); };
            if (const std::string why = read(text, value, convert, "integer"); !why.empty())
                return why;
            if (value < least && least > std::numeric_limits<Integer>::min())
                return quoted(text) + " is less than " + std::to_string(least);
            const bool fits = value == static_cast<Integer>(value);
            return fits ? "" : quoted(text) + " does not fit an int";
        });
    }
    /// Finite, and at least `least`.
    void real(const std::string& name, double& into, double least = 0) {
        bind(name, into)->check([least](const std::string& text) -> std::string {
            double value = 0;
            const auto convert = [](auto... a) { return std::stod(a...); };
            if (const std::string why = read(text, value, convert, "number"); !why.empty())
                return why;
            if (!std::isfinite(value)) return quoted(text) + " is no number";
            return value >= least ? ""
                                  : quoted(text) + " is less than " + CLI::detail::to_string(least);
        });
    }
    void flag(const std::string& name, bool& into) { app_.add_flag(name, into); }

    /// False for --help, which it has answered then. Throws usage_error.
    bool parse(int argc, char** argv) {
        try {
            app_.parse(argc, argv);
        } catch (const CLI::CallForHelp&) {
            std::cout << usage_;
            return false;
        } catch (const CLI::ArgumentMismatch& e) {
            const std::string what = e.what();
            throw usage_error(what.substr(0, what.find(':')) + " needs a value");
        } catch (const CLI::ParseError& e) {
            throw usage_error(e.what());
        }
        expect_all_words();
        return true;
    }
    const std::string& usage() const { return usage_; }

private:
    template <class T>
    CLI::Option* bind(const std::string& name, T& into) {
        CLI::Option* const option = app_.add_option(name, into);
        if (option->get_positional()) words_.push_back(option);
        return option;
    }
    /// CLI11 would name the first word that is missing; how many there should be says more.
    void expect_all_words() const {
        std::size_t given = 0;
        for (const CLI::Option* word : words_) given += word->count();
        for (const std::string& extra : app_.remaining()) {
            if (extra.rfind('-', 0) == 0) throw usage_error("unknown option " + extra);
            ++given;
        }
        if (given != words_.size())
            throw usage_error("expected " + std::to_string(words_.size()) + " arguments, got " +
                              std::to_string(given));
    }
    /// Returns what is wrong with it, or nothing. CLI11's own conversion takes what is out of range
    /// for the nearest number.
    template <class Number, class Convert>
    static std::string read(const std::string& text, Number& into, Convert convert,
                            const std::string& kind) {
        try {
            std::size_t used = 0;
            into = convert(text, &used);
            if (used == text.size()) return "";
        } catch (const std::out_of_range&) {
            return quoted(text) + " is out of range";
        } catch (const std::invalid_argument&) {
            // told below
        }
        return quoted(text) + " is no " + kind;
    }
    static std::string quoted(const std::string& text) { return "'" + text + "'"; }

    std::string usage_;
    CLI::App app_;
    std::vector<const CLI::Option*> words_;
};

/// Parses the command line and runs the program: 0 success, 1 something went wrong, 2 bad command
/// line; else what `program` returns.
template <class Program>
int run_program(command_line& line, int argc, char** argv, Program program) {
    try {
        return line.parse(argc, argv) ? program() : 0;
    } catch (const usage_error& e) {
        std::cerr << argv[0] << ": " << e.what() << "\n\n" << line.usage();
        return 2;
    } catch (const std::exception& e) {
        std::cerr << argv[0] << ": " << e.what() << "\n";
        return 1;
    }
}
