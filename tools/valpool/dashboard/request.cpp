#include "dashboard/request.hpp"

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace tool::dashboard {
namespace {

int digit_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    throw std::invalid_argument("% needs two hexadecimal digits behind it");
}

std::string decoded(std::string_view text, bool is_query) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && is_query) {
            result += ' ';
        } else if (text[i] != '%') {
            result += text[i];
        } else {
            if (text.size() - i < 3)
                throw std::invalid_argument("% needs two hexadecimal digits behind it");
            result += static_cast<char>(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2]));
            i += 2;
        }
    }
    return result;
}

/// Calls visit for each part between the separators.
template <class Visit>
void for_each_part(std::string_view text, char separator, Visit visit) {
    for (;;) {
        const std::size_t end = text.find(separator);
        visit(text.substr(0, end));
        if (end == std::string_view::npos) return;
        text.remove_prefix(end + 1);
    }
}

/// "[::1]:8080" -> "[::1]", "localhost:80" -> "localhost".
std::string_view without_port(std::string_view host) {
    const std::size_t bracket = host.rfind(']');
    const std::size_t colon = host.rfind(':');
    if (colon == std::string_view::npos) return host;
    if (bracket != std::string_view::npos && colon < bracket) return host;
    return host.substr(0, colon);
}

bool is_local_name(std::string_view host) {
    std::string name(without_port(host));
    const std::string_view port = host.substr(name.size());
    if (port.find_first_not_of("0123456789", 1) != std::string_view::npos) return false;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return name == "localhost" || name == "127.0.0.1" || name == "[::1]";
}

std::string_view cookie_of(const request& asked, std::string_view name) {
    std::string_view found;
    for_each_part(asked.header("cookie"), ';', [&](std::string_view part) {
        part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
        const std::size_t equals = part.find('=');
        if (part.substr(0, equals) == name && equals != std::string_view::npos)
            found = part.substr(equals + 1);
    });
    return found;
}

bool has_token(const request& asked, const std::string& token) {
    constexpr std::string_view scheme = "Bearer ";
    std::string_view given = asked.header("authorization");
    if (given.substr(0, scheme.size()) == scheme) {
        given.remove_prefix(scheme.size());
        return is_same_secret(given, token);
    }
    return is_same_secret(cookie_of(asked, token_cookie), token);
}

/// A page of another server makes the browser ask: it may not have the answer.
bool is_of_another_page(const request& asked) {
    if (asked.count_of("origin") != 0) {
        std::string_view origin = asked.header("origin");
        const std::size_t scheme = origin.find("://");
        if (scheme == std::string_view::npos) return true;  // "null", too
        return origin.substr(scheme + 3) != asked.header("host");
    }
    const std::string_view site = asked.header("sec-fetch-site");
    return (site == "cross-site" || site == "same-site") &&
           asked.header("sec-fetch-mode") != "navigate";
}

}  // namespace

std::string_view request::header(std::string_view name) const {
    for (const auto& [its_name, value] : headers)
        if (its_name == name) return value;
    return {};
}

std::size_t request::count_of(std::string_view name) const {
    return static_cast<std::size_t>(std::count_if(
        headers.begin(), headers.end(), [&](const auto& header) { return header.first == name; }));
}

std::string address::parameter(const std::string& name) const {
    const auto found = query.find(name);
    return found == query.end() ? std::string() : found->second;
}

address parse_address(std::string_view target) {
    if (target.empty() || target.front() != '/')
        throw std::invalid_argument("the target must begin with a slash");
    address result;
    const std::size_t question = target.find('?');
    for_each_part(target.substr(1, question == std::string_view::npos ? question : question - 1),
                  '/', [&](std::string_view part) {
                      if (!part.empty()) result.path.push_back(decoded(part, false));
                  });
    if (question == std::string_view::npos) return result;
    for_each_part(target.substr(question + 1), '&', [&](std::string_view part) {
        const std::size_t equals = part.find('=');
        const std::string_view value =
            equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1);
        if (!part.empty())
            result.query[decoded(part.substr(0, equals), true)] = decoded(value, true);
    });
    return result;
}

void take_apart_absolute(request& asked) {
    constexpr std::string_view scheme = "http://";
    const auto is_like = [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) == b;
    };
    const std::string whole = asked.target;
    if (whole.size() < scheme.size() || !std::equal(scheme.begin(), scheme.end(), whole.begin(),
                                                    [&](char b, char a) { return is_like(a, b); }))
        return;
    const std::size_t end = std::min(whole.find_first_of("/?#", scheme.size()), whole.size());
    const std::string host = whole.substr(scheme.size(), end - scheme.size());
    const std::string rest = whole.substr(end);
    asked.target = rest.empty() || rest.front() != '/' ? "/" + rest : rest;
    for (auto& [name, value] : asked.headers)
        if (name == "host") value = host;
}

bool is_same_secret(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size() || a.empty()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        difference |= static_cast<unsigned>(static_cast<unsigned char>(a[i] ^ b[i]));
    return difference == 0;
}

refusal check(const request& asked, const access_rules& rules) {
    if (asked.method != "GET" && asked.method != "HEAD")
        return {405, "this server only shows: use GET"};
    if (asked.count_of("host") != 1 || asked.count_of("origin") > 1)
        return {400, "one Host, and at most one Origin, please"};
    if (!rules.allows_remote && !is_local_name(asked.header("host")))
        return {403,
                "ask for localhost or 127.0.0.1: other names are not answered, so that no page of "
                "another server can lead a browser here"};
    if (is_of_another_page(asked)) return {403, "only pages of this server may ask"};
    if (rules.allows_remote && !has_token(asked, rules.token))
        return {401, "this needs the token: open the address that `valpool dashboard` has printed"};
    return {};
}

}  // namespace tool::dashboard
