#pragma once

/// A request to the dashboard: what it asks for, and whether it may.

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tool::dashboard {

/// The part of a request that the dashboard looks at. Header names are in lower case.
struct request {
    std::string method;
    std::string target;  // as it came: path and query, or the whole address
    std::vector<std::pair<std::string, std::string>> headers;

    /// Empty when there is none.
    std::string_view header(std::string_view name) const;
    std::size_t count_of(std::string_view name) const;
};

/// A target's path, in parts, and its query. Percent-encoding is undone, so a part may contain
/// anything, also a slash.
struct address {
    std::vector<std::string> path;
    std::map<std::string, std::string> query;

    /// Empty when there is none.
    std::string parameter(const std::string& name) const;
};
/// Throws std::invalid_argument for what is no address of this server.
address parse_address(std::string_view target);

/// A target in absolute form, "http://host/path", as clients of proxies send it: its host takes the
/// place of the header Host (RFC 9112, 3.2.2), and its path that of the target. Another target
/// stays as it is.
void take_apart_absolute(request& asked);

/// Who may ask.
struct access_rules {
    bool allows_remote = false;
    std::string token;  // needed where remote requests are allowed
};

struct refusal {
    int status = 0;  // of HTTP; 0: not refused
    std::string reason;
};

/// Only reading, only from pages of this server, only under a name of this machine (a page of
/// somebody else's whose name has been made to lead here has another one), and with the token
/// where one is needed.
refusal check(const request& asked, const access_rules& rules);

/// Whether the two are equal, in a time that does not depend on where they differ.
bool is_same_secret(std::string_view a, std::string_view b) noexcept;

/// The cookie in which a browser keeps the token.
constexpr std::string_view token_cookie = "valpool_token";

}  // namespace tool::dashboard
