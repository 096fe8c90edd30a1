#pragma once

/// All permutations of some elements, one after the other.

#include <valpool/compat/global_names.hpp>

#include <numeric>

namespace OC {

/// The n! permutations of the numbers from 1 to n. Permutation number s (from 0 on) is encoded in
/// s, read as digits in the bases n, n - 1, ... 1: digit i tells how far from place i its number
/// was taken.
class Permutations {
public:
    Permutations(int n) : order_(static_cast<std::size_t>(n > 0 ? n : 0)) {}

    /// Goes to the next permutation; false after the last one.
    bool next() {
        if (order_.empty() || next_ >= count()) return false;
        seed(next_);
        return true;
    }
    /// Valid after next() or seed().
    const int* currentPermutation() const { return order_.data(); }
    /// Goes to permutation number `number`.
    void seed(int_u8 number) {
        next_ = number + 1;
        std::iota(order_.begin(), order_.end(), 1);
        std::vector<std::size_t> digits;
        for (std::size_t i = 0; i < order_.size(); ++i) {
            digits.push_back(number % (order_.size() - i));
            number /= order_.size() - i;
        }
        for (std::size_t i = order_.size(); i-- > 0;) std::swap(order_[i], order_[i + digits[i]]);
    }

private:
    int_u8 count() const {
        int_u8 product = 1;
        for (std::size_t i = 2; i <= order_.size(); ++i) product *= i;
        return product;
    }

    std::vector<int> order_;
    int_u8 next_ = 0;
};

/// The permutations of an array's elements.
template <class T>
class PermutationsT {
public:
    PermutationsT(const Array<T>& items)
        : numbers_(static_cast<int>(items.length())), items_(items) {}

    bool next() {
        if (!numbers_.next()) return false;
        current_.clear();
        for (std::size_t i = 0; i < items_.length(); ++i)
            current_.append(items_(static_cast<std::size_t>(numbers_.currentPermutation()[i] - 1)));
        return true;
    }
    Array<T>& currentPermutation() { return current_; }

private:
    Permutations numbers_;
    Array<T> items_;
    Array<T> current_;
};

}  // namespace OC
