#pragma once

/// The original's iterators, one for each kind of container.

#include <valpool/compat/global_names.hpp>

namespace OC {

typedef It TabIt;
typedef It OTabIt;
typedef Sit TabSit;
typedef Sit OTabSit;

/// Iterates over an Array. The keys are the positions, in the type of the elements.
template <class T>
class ArrIt {
public:
    ArrIt() = default;
    ArrIt(const Array<T>& array) { reset(array); }

    bool next() { return ++at_ < items_.size(); }
    bool operator()() { return next(); }
    bool operator++() { return next(); }
    const T& key() const { return key_ = static_cast<T>(at_); }
    T& value() const { return *items_[at_]; }
    void reset() { at_ = before_first; }
    void reset(const Array<T>& array) {
        items_.clear();
        for (const T& item : array) items_.push_back(const_cast<T*>(&item));
        reset();
    }

protected:
    std::vector<T*> items_;

private:
    static constexpr std::size_t before_first = ~std::size_t{0};
    std::size_t at_ = before_first;
    mutable T key_ = T();
};

/// Like ArrIt, in the order of the values.
template <class T>
class ArrSit : public ArrIt<T> {
public:
    ArrSit() = default;
    ArrSit(const Array<T>& array) { reset(array); }

    using ArrIt<T>::reset;
    void reset(const Array<T>& array) {
        ArrIt<T>::reset(array);
        std::stable_sort(this->items_.begin(), this->items_.end(),
                         [](const T* a, const T* b) { return *a < *b; });
    }
};

}  // namespace OC
