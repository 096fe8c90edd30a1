#pragma once

#include <exception>
#include <string>

namespace valpool::test {

/// What an action throws, in words.
template <class Action>
std::string message_of(Action action) {
    try {
        action();
    } catch (const std::exception& e) {
        return e.what();
    }
    return "nothing was thrown";
}

}  // namespace valpool::test
