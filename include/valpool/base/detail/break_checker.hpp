#pragma once

/// Decides what SHMMain, ServerSide and ClientSide accept as `debug` or as a break checker. No
/// pointer is accepted where a flag is expected, although the language would convert it.

#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

namespace valpool {

/// "Time to shut down?": every wait polls it; true ends the wait. It must not fork. This is the
/// original's type; any other callable is accepted in its place.
typedef bool (*BreakChecker)();

namespace detail {

/// The type that the library calls.
using break_checker = std::function<bool()>;

/// Pointers, and objects that convert to one, such as a lambda without captures. Each of them
/// converts to bool, but is never meant as a flag.
template <class T, class = void>
struct is_pointer_like
    : std::disjunction<std::is_pointer<std::decay_t<T>>, std::is_member_pointer<std::decay_t<T>>> {
};
template <class T>
struct is_pointer_like<T, std::enable_if_t<std::is_class_v<std::decay_t<T>> &&
                                           std::is_pointer_v<decltype(+std::declval<T&>())>>>
    : std::true_type {};

/// For the deleted overloads of functions that take a flag.
template <class T>
using if_pointer_like = std::enable_if_t<is_pointer_like<T>::value, int>;

/// std::true_type is excluded: it can be called, too, but converts to bool.
template <class T>
constexpr bool is_break_checker = std::is_invocable_r_v<bool, std::decay_t<T>&> &&
                                  (is_pointer_like<T>::value || !std::is_convertible_v<T, bool>);

template <class T>
using if_break_checker = std::enable_if_t<is_break_checker<T>, int>;

/// The parameters that may follow a break checker: none, or micro_sleep.
template <class... Rest>
constexpr bool may_follow_checker = sizeof...(Rest) == 0;
template <class T>
constexpr bool may_follow_checker<T> = std::is_convertible_v<T, std::int64_t>;
template <class T, class... Rest>
using if_no_debug_flag = std::enable_if_t<
    is_pointer_like<T>::value && !(is_break_checker<T> && may_follow_checker<Rest...>), int>;

}  // namespace detail
}  // namespace valpool
