#pragma once

/// Ctrl-C and SIGTERM end what the program does in good order: waits end, files are closed, what
/// was leased is given back.

namespace tool {

/// From now on SIGINT, SIGTERM and SIGHUP are noted, and do not end the program by themselves.
/// SIGPIPE is ignored: writing says what is wrong then.
void watch_for_interrupts();
/// Whether one of these signals came. As a break checker, too.
bool was_interrupted() noexcept;
/// What the shell expects of a program that such a signal has ended: 128 and its number. 0: none.
int interrupted_exit_code() noexcept;
/// Sleeps that long, or until a signal comes; false then.
bool sleep_unless_interrupted(double seconds);

}  // namespace tool
