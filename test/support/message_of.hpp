#pragma once

#include <exception>
#include <string>

namespace valpool::test {

/// The message of the exception that an action throws.
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
