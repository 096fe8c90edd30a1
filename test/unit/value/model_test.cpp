#include "pool_fixture.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

/// Random operations on the heap and in a pool, each compared with standard containers.

using namespace valpool;
using value_test::pool_memory;
using value_test::text_of;

namespace {

int steps() {
    const char* const given = std::getenv("VALPOOL_MODEL_STEPS");
    return given ? std::atoi(given) : 20000;
}

/// Random numbers; VALPOOL_MODEL_SEED repeats a failing run.
class dice {
public:
    dice() {
        const char* const given = std::getenv("VALPOOL_MODEL_SEED");
        const auto seed = given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10))
                                : std::random_device()();
        std::cout << "VALPOOL_MODEL_SEED=" << seed << '\n';
        engine_.seed(seed);
    }
    std::size_t below(std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_);
    }

private:
    std::mt19937 engine_;
};

/// Keys of several types. Equal keys have the same name, and different keys have different names.
std::pair<std::string, Val> random_key(dice& random) {
    const std::size_t i = random.below(60);
    switch (random.below(4)) {
        case 0: return {"number " + std::to_string(i), Val(i)};
        case 1: return {"number " + std::to_string(i), Val(static_cast<real_8>(i))};
        case 2: return {"short " + std::to_string(i), Val("k" + std::to_string(i))};
        default: {
            const std::string name = "a key of more than twenty bytes " + std::to_string(i);
            return {name, Val(name)};
        }
    }
}

/// A value and how it prints.
std::pair<std::string, Val> random_value(dice& random) {
    const std::size_t i = random.below(1000);
    const std::string n = std::to_string(i);
    switch (random.below(6)) {
        case 0: return {n, Val(i)};
        case 1: return {"'" + n + "'", Val(n)};
        case 2: return {"'" + std::string(i, 'x') + "'", Val(std::string(i, 'x'))};
        case 3: return {"[" + n + ", {'k': '" + n + "'}]", Val(Arr{i, Tab{{"k", n}}})};
        case 4: return {"array([1," + n + "], 'l')", Val(Array<int_8>{1, static_cast<int_8>(i)})};
        default: return {"None", Val()};
    }
}

/// Values by name, and the order in which the names were inserted first.
struct table_model {
    struct item {
        std::size_t since;
        std::string printed;
    };
    std::map<std::string, item> items;
    std::size_t now = 0;

    void set(const std::string& name, const std::string& printed) {
        const auto [place, is_new] = items.try_emplace(name, item{now, ""});
        if (is_new) ++now;
        place->second.printed = printed;
    }
    std::vector<std::string> in_order() const {
        std::vector<std::pair<std::size_t, std::string>> all;
        for (const auto& [name, i] : items) all.emplace_back(i.since, i.printed);
        std::sort(all.begin(), all.end());
        std::vector<std::string> printed;
        for (auto& [since, text] : all) printed.push_back(text);
        return printed;
    }
};

std::vector<std::string> printed_values(const Val& v) {
    std::vector<std::string> printed;
    for (It ii(v); ii();) printed.push_back(text_of(ii.value()));
    return printed;
}

template <class T>
class table_twins {
public:
    void step(dice& random) {
        const auto [name, key] = random_key(random);
        const auto [printed, value] = random_value(random);
        const std::size_t what = random.below(100);
        if (what < 45) {
            change([&, k = key, v = value](T& t) { t[k] = v; });
            model_.set(name, printed);
        } else if (what < 50) {
            change([&, k = key, v = value](T& t) { t.insertKeyAndValue(k, v); });
            model_.set(name, printed);
        } else if (what < 53) {
            change([&, k = key, v = value](T& t) { t.insertKeyAndValue(k, Val(v)); });
            model_.set(name, printed);
        } else if (what < 55) {
            const auto [other_name, other] = random_key(random);
            change([&, k = key, o = other, v = value](T& t) {
                t[o] = v;
                t.insertKeyAndValue(k, std::move(t[o]));
            });
            model_.set(other_name, "None");
            model_.set(name, printed);
        } else if (what < 90) {
            const bool was_there = model_.items.erase(name) != 0;
            change([&, k = key](T& t) { BOOST_REQUIRE(t.remove(k) == was_there); });
        } else if (what < 93) {
            change([&, k = key, v = value](T& t) { t += T{{k, v}}; });
            model_.set(name, printed);
        } else if (what < 96) {
            change([](T& t) {
                T copy = t;
                t.clear();
                t.swapInto(copy);
            });
        } else if (what < 99) {
            change([](T& t) { t = T(t); });
        } else if (random.below(10) == 0) {
            change([](T& t) { t.clear(); });
            model_.items.clear();
        }
        look_up(name, key);
    }

    void compare() {
        const std::vector<std::string> expected = model_.in_order();
        BOOST_REQUIRE(printed_values(heap_) == expected);
        BOOST_REQUIRE(printed_values(pooled_) == expected);
        BOOST_REQUIRE(heap_ == pooled_);
        BOOST_REQUIRE(text_of(heap_) == text_of(pooled_));
        const pool_report report = check(memory_.get());
        BOOST_REQUIRE_MESSAGE(report.is_sound(), report);
    }

    bool ends_pristine() {
        pooled_.reset();
        return memory_.get()->isPristine();
    }

private:
    template <class Change>
    void change(const Change& apply) {
        apply(static_cast<T&>(heap_));
        apply(static_cast<T&>(pooled_));
    }
    void look_up(const std::string& name, const Val& key) {
        const auto expected = model_.items.find(name);
        for (const Val* const v : {&heap_, &pooled_}) {
            BOOST_REQUIRE(v->length() == model_.items.size());
            BOOST_REQUIRE(v->contains(key) == (expected != model_.items.end()));
            if (expected != model_.items.end())
                BOOST_REQUIRE(text_of((*v)(key)) == expected->second.printed);
        }
    }

    pool_memory memory_{8 << 20};
    Val heap_ = T();
    Val pooled_ = Shared(memory_.get(), T());
    table_model model_;
};

class list_twins {
public:
    void step(dice& random) {
        const auto [printed, value] = random_value(random);
        const std::size_t n = model_.size();
        const std::size_t at = n == 0 ? 0 : random.below(n);
        const std::size_t what = random.below(100);
        if (what < 20) {
            change([&, v = value](Arr& a) { a.append(v); });
            model_.push_back(printed);
        } else if (what < 30) {
            change([&, v = value](Arr& a) { a.append(Val(v)); });
            model_.push_back(printed);
        } else if (what < 35) {
            change([&, v = value](Arr& a) { a.insertAt(at, v); });
            model_.insert(place(at), printed);
        } else if (what < 40) {
            change([&, v = value](Arr& a) { a.insertAt(at, Val(v)); });
            model_.insert(place(at), printed);
        } else if (n == 0) {
            change([](Arr& a) { BOOST_REQUIRE_THROW(a.removeLast(), std::out_of_range); });
        } else if (what < 60) {
            change([&, v = value](Arr& a) { a[at] = v; });
            model_[at] = printed;
        } else if (what < 87) {
            change([at](Arr& a) { a.removeAt(at); });
            model_.erase(place(at));
        } else if (what < 92) {
            change([at](Arr& a) { a.append(a[at]); });
            model_.push_back(std::string(model_[at]));
        } else {
            rare(random, at);
        }
        for (const Val* const v : {&heap_, &pooled_}) BOOST_REQUIRE(v->length() == model_.size());
    }

    void compare() {
        BOOST_REQUIRE(printed_values(heap_) == model_);
        BOOST_REQUIRE(printed_values(pooled_) == model_);
        BOOST_REQUIRE(heap_ == pooled_);
        const pool_report report = check(memory_.get());
        BOOST_REQUIRE_MESSAGE(report.is_sound(), report);
    }

    bool ends_pristine() {
        pooled_.reset();
        return memory_.get()->isPristine();
    }

private:
    void rare(dice& random, std::size_t at) {
        switch (random.below(8)) {
            case 0:
                change([](Arr& a) { a.expandBy(3); });
                model_.resize(model_.size() + 3, "None");
                break;
            case 1:
                change([at](Arr& a) { a.expandTo(at); });
                model_.resize(at);
                break;
            case 2:
                change([at](Arr& a) { a.prepend(a[at]); });
                model_.insert(model_.begin(), std::string(model_[at]));
                break;
            case 3:
                change([](Arr& a) {
                    Arr copy = a;
                    a.clear();
                    a.swap(copy);
                });
                break;
            case 4: change([](Arr& a) { a = Arr(a); }); break;
            case 5:
                change([at](Arr& a) { a.append(std::move(a[at])); });
                model_.push_back(std::string(model_[at]));
                break;
            case 6:  // from one list to another, in the same memory
                change([at](Arr& a) {
                    a.append(Arr());
                    Arr& last = a[a.length() - 1];
                    last.append(std::move(a[at]));
                });
                model_.push_back("[" + model_[at] + "]");
                model_[at] = "None";
                break;
            default: change([at](Arr& a) { a[0].swap(a[at]); }); model_[0].swap(model_[at]);
        }
    }
    template <class Change>
    void change(const Change& apply) {
        apply(static_cast<Arr&>(heap_));
        apply(static_cast<Arr&>(pooled_));
    }
    std::vector<std::string>::iterator place(std::size_t at) {
        return model_.begin() + static_cast<std::ptrdiff_t>(at);
    }

    pool_memory memory_{8 << 20};
    Val heap_ = Arr();
    Val pooled_ = Shared(memory_.get(), Arr());
    std::vector<std::string> model_;
};

template <class Twins>
void run() {
    dice random;
    Twins twins;
    const int count = steps();
    for (int i = 0; i < count; ++i) {
        twins.step(random);
        if (i % 100 == 0) twins.compare();
    }
    twins.compare();
    BOOST_TEST(twins.ends_pristine());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(model)

BOOST_AUTO_TEST_CASE(a_table_behaves_like_a_map) { run<table_twins<Tab>>(); }

BOOST_AUTO_TEST_CASE(an_ordered_table_behaves_like_a_map) { run<table_twins<OTab>>(); }

BOOST_AUTO_TEST_CASE(a_list_behaves_like_a_vector) { run<list_twins>(); }

BOOST_AUTO_TEST_SUITE_END()
