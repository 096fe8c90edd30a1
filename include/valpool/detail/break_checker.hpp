#pragma once

/// What may stand where SHMMain, ServerSide and ClientSide take `debug` or a break checker; and no
/// pointer where a flag is expected, though the language takes it for one.

#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

namespace valpool {

/// "Time to shut down?": polled by whatever waits; true ends the wait. It must not fork. This is
/// the original's type; wherever it is taken, any callable is.
typedef bool (*BreakChecker)();

namespace detail {

/// What the library calls.
using break_checker = std::function<bool()>;

/// Pointers, and what the language makes one by itself, such as a lambda without captures: each of
/// them converts to bool, and is never meant as one.
template <class T, class = void>
struct is_pointer_like
    : std::disjunction<std::is_pointer<std::decay_t<T>>, std::is_member_pointer<std::decay_t<T>>> {
};
template <class T>
struct is_pointer_like<T, std::enable_if_t<std::is_class_v<std::decay_t<T>> &&
                                           std::is_pointer_v<decltype(+std::declval<T&>())>>>
    : std::true_type {};

/// For the deleted overloads beside functions that take a flag.
template <class T>
using if_pointer_like = std::enable_if_t<is_pointer_like<T>::value, int>;

/// A std::true_type can be called, too, but is a bool.
template <class T>
constexpr bool is_break_checker = std::is_invocable_r_v<bool, std::decay_t<T>&> &&
                                  (is_pointer_like<T>::value || !std::is_convertible_v<T, bool>);

template <class T>
using if_break_checker = std::enable_if_t<is_break_checker<T>, int>;

/// What may follow a break checker: nothing, or micro_sleep.
template <class... Rest>
constexpr bool may_follow_checker = sizeof...(Rest) == 0;
template <class T>
constexpr bool may_follow_checker<T> = std::is_convertible_v<T, std::int64_t>;
template <class T, class... Rest>
using if_no_debug_flag = std::enable_if_t<
    is_pointer_like<T>::value && !(is_break_checker<T> && may_follow_checker<Rest...>), int>;

}  // namespace detail
}  // namespace valpool
