#include "dashboard/request.hpp"

#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// Who may ask the dashboard for what.

using namespace tool::dashboard;

namespace {

struct asking {
    request its{"GET", "/", {{"host", "127.0.0.1:7377"}}};
    access_rules rules;

    asking& with(const std::string& name, const std::string& value) {
        its.headers.emplace_back(name, value);
        return *this;
    }
    asking& of_host(const std::string& host) {
        its.headers[0].second = host;
        return *this;
    }
    int refused() const { return check(its, rules).status; }
};

asking from_afar(const std::string& token) {
    asking a;
    a.rules = {true, token};
    return a.of_host("pools.example:7377");
}

using words = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(dashboard_requests)

BOOST_AUTO_TEST_CASE(an_address_is_taken_apart_and_decoded) {
    const address a = parse_address("/api/v1/pools/my%20pool/pipes/a%2Fb?n=3&x=%C3%A4+b&y");
    BOOST_TEST(a.path == (words{"api", "v1", "pools", "my pool", "pipes", "a/b"}),
               boost::test_tools::per_element());
    BOOST_TEST(a.parameter("n") == "3");
    BOOST_TEST(a.parameter("x") == "\xc3\xa4 b");
    BOOST_TEST(a.parameter("y") == "");
    BOOST_TEST(a.parameter("none") == "");
    BOOST_TEST(parse_address("/").path.empty());
    BOOST_TEST(parse_address("//a//").path == words{"a"}, boost::test_tools::per_element());
    BOOST_TEST(parse_address("/?n=1").parameter("n") == "1");
}

BOOST_AUTO_TEST_CASE(what_is_no_address_is_refused) {
    for (const char* const text : {"", "a", "*", "http://x/", "/%", "/%4", "/%zz", "/a?%"})
        BOOST_CHECK_THROW(parse_address(text), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_target_in_absolute_form_has_the_host_that_counts) {
    const auto apart = [](const std::string& target) {
        asking a;
        a.its.target = target;
        take_apart_absolute(a.its);
        return std::string(a.its.header("host")) + " " + a.its.target;
    };
    BOOST_TEST(apart("/x") == "127.0.0.1:7377 /x");
    BOOST_TEST(apart("http://a:1/x?y=1") == "a:1 /x?y=1");
    BOOST_TEST(apart("HTTP://a") == "a /");
    BOOST_TEST(apart("http://a?x=1") == "a /?x=1");
    BOOST_TEST(apart("http://") == " /");
    BOOST_TEST(apart("https://a/x") == "127.0.0.1:7377 https://a/x");
}

BOOST_AUTO_TEST_CASE(reading_from_this_machine_is_allowed) {
    for (const char* const host :
         {"localhost", "localhost:1", "LocalHost:1", "127.0.0.1:7377", "[::1]", "[::1]:80"})
        BOOST_TEST(asking().of_host(host).refused() == 0, host);
    asking head;
    head.its.method = "HEAD";
    BOOST_TEST(head.refused() == 0);
    BOOST_TEST(asking().with("origin", "http://127.0.0.1:7377").refused() == 0);
    BOOST_TEST(asking().with("sec-fetch-site", "same-origin").refused() == 0);
    BOOST_TEST(asking()
                   .with("sec-fetch-site", "cross-site")
                   .with("sec-fetch-mode", "navigate")
                   .refused() == 0);
}

BOOST_AUTO_TEST_CASE(only_reading_is_allowed) {
    for (const char* const method : {"POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "get", ""}) {
        asking a;
        a.its.method = method;
        BOOST_TEST(a.refused() == 405, method);
    }
}

BOOST_AUTO_TEST_CASE(a_name_that_was_made_to_lead_here_is_refused) {
    for (const char* const host :
         {"evil.example", "evil.example:7377", "localhost.evil.example", "127.0.0.1.evil.example",
          "", "[::1", "127.0.0.2", "0.0.0.0", "localhost:80@evil.example", "localhost:x"})
        BOOST_TEST(asking().of_host(host).refused() == 403, host);
    asking none;
    none.its.headers.clear();
    BOOST_TEST(none.refused() == 400);
    BOOST_TEST(asking().with("host", "localhost").refused() == 400);
}

BOOST_AUTO_TEST_CASE(pages_of_other_servers_may_not_ask) {
    for (const char* const origin : {"http://evil.example", "null", "http://127.0.0.1:8000", ""})
        BOOST_TEST(asking().with("origin", origin).refused() == 403, origin);
    BOOST_TEST(asking().with("sec-fetch-site", "cross-site").refused() == 403);
    BOOST_TEST(asking().with("sec-fetch-site", "same-site").refused() == 403);
}

BOOST_AUTO_TEST_CASE(who_asks_from_afar_needs_the_token) {
    const std::string token = "0123456789abcdef";
    BOOST_TEST(from_afar(token).refused() == 401);
    BOOST_TEST(from_afar(token).with("authorization", "Bearer " + token).refused() == 0);
    BOOST_TEST(from_afar(token).with("cookie", "a=b; valpool_token=" + token).refused() == 0);
    BOOST_TEST(from_afar(token).with("authorization", "Bearer 0123456789abcdeX").refused() == 401);
    BOOST_TEST(from_afar(token).with("authorization", "Bearer ").refused() == 401);
    BOOST_TEST(from_afar(token).with("authorization", token).refused() == 401);
    BOOST_TEST(from_afar(token).with("cookie", "xvalpool_token=" + token).refused() == 401);
    BOOST_TEST(from_afar(token).with("cookie", "valpool_token").refused() == 401);
    // No token at all is no token that could be guessed.
    BOOST_TEST(from_afar("").with("authorization", "Bearer ").refused() == 401);
}

BOOST_AUTO_TEST_CASE(secrets_are_compared_whole) {
    BOOST_TEST(is_same_secret("abc", "abc"));
    BOOST_TEST(!is_same_secret("abc", "abd"));
    BOOST_TEST(!is_same_secret("abc", "ab"));
    BOOST_TEST(!is_same_secret("", ""));
}

BOOST_AUTO_TEST_SUITE_END()
