#pragma once

/// The samples' command lines: positional arguments, options with values, --help.

#include <cstdlib>
#include <iostream>
#include <limits>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

/// A command line that makes no sense: exit code 2.
struct usage_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class command_line {
public:
    /// `options` take a value each: --name VALUE.
    command_line(int argc, char** argv, std::set<std::string> options) {
        for (int i = 1; i < argc; ++i) {
            const std::string word = argv[i];
            if (word == "--help" || word == "-h") {
                help_ = true;
            } else if (word.rfind("--", 0) == 0) {
                if (options.count(word) == 0) throw usage_error("unknown option " + word);
                if (++i == argc) throw usage_error(word + " needs a value");
                values_[word] = argv[i];
            } else {
                words_.push_back(word);
            }
        }
    }

    bool wants_help() const { return help_; }

    void expect(std::size_t words) const {
        if (words_.size() != words)
            throw usage_error("expected " + std::to_string(words) + " arguments, got " +
                              std::to_string(words_.size()));
    }
    const std::string& word(std::size_t i) const { return words_.at(i); }
    long long integer(std::size_t i, const std::string& what) const {
        return to_integer(words_.at(i), what);
    }
    long long integer(const std::string& option, long long otherwise) const {
        const auto found = values_.find(option);
        return found == values_.end() ? otherwise : to_integer(found->second, option);
    }
    /// A number of packets; whether it makes sense is for the library to say.
    int capacity(std::size_t i) const {
        const long long value = integer(i, "CAPACITY");
        if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max())
            throw usage_error("CAPACITY: '" + words_.at(i) + "' does not fit an int");
        return static_cast<int>(value);
    }
    double real(const std::string& option, double otherwise) const {
        const auto found = values_.find(option);
        if (found == values_.end()) return otherwise;
        char* end = nullptr;
        const double value = std::strtod(found->second.c_str(), &end);
        if (found->second.empty() || *end != '\0')
            throw usage_error(option + ": " + found->second + " is no number");
        return value;
    }

private:
    static long long to_integer(const std::string& text, const std::string& what) {
        try {
            std::size_t used = 0;
            const long long value = std::stoll(text, &used, 0);
            if (used == text.size()) return value;
        } catch (const std::exception&) {
            // told below
        }
        throw usage_error(what + ": '" + text + "' is no integer");
    }

    bool help_ = false;
    std::vector<std::string> words_;
    std::map<std::string, std::string> values_;
};

/// Runs a sample: 0 success, 1 something went wrong, 2 bad command line, 130 interrupted.
template <class Sample>
int run_sample(const char* usage, int argc, char** argv, std::set<std::string> options,
               Sample sample) {
    try {
        const command_line line(argc, argv, std::move(options));
        if (line.wants_help()) {
            std::cout << usage;
            return 0;
        }
        return sample(line);
    } catch (const usage_error& e) {
        std::cerr << argv[0] << ": " << e.what() << "\n\n" << usage;
        return 2;
    } catch (const std::exception& e) {
        std::cerr << argv[0] << ": " << e.what() << "\n";
        return 1;
    }
}
