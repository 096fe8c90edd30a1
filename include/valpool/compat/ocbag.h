#pragma once

/// Bags of integers that threads draw from.

#include <valpool/compat/global_names.hpp>

#include <atomic>

namespace OC {

/// Hands out `length` integers from `start` on, each of them once, to any number of threads.
class iDrawer {
public:
    iDrawer(int start, int length, bool = true)
        : next_(static_cast<int_u4>(start)), end_(static_cast<int_u4>(start + length)) {}
    iDrawer(const iDrawer& other) : next_(other.next_.load()), end_(other.end_) {}

    /// Returns false when the drawer is empty.
    bool get(int_u4& item) {
        if (empty()) return false;
        item = next_.fetch_add(1);
        return item < end_;
    }
    bool empty() const { return next_ >= end_; }

private:
    std::atomic<int_u4> next_;
    int_u4 end_;
};

/// The integers from 0 to n - 1, spread over several drawers so that threads rarely contend for
/// one.
class iCupboard {
public:
    iCupboard(int_u4 n, int drawers, bool protect = true) : n_(n), protect_(protect) {
        const int length = static_cast<int>(n) / drawers;
        int with_one_more = static_cast<int>(n) % drawers;
        for (int start = 0; drawers-- > 0;) {
            const int here = length + (with_one_more-- > 0 ? 1 : 0);
            drawers_.emplace_back(start, here);
            start += here;
        }
    }

    /// Takes an integer from the drawer `first`; when that is empty and `protect` is set, from the
    /// next drawer that has one.
    bool get(int first, int_u4& item, int& found_in) {
        const int count = drawers();
        for (int i = 0; i < (protect_ ? count : 1); ++i) {
            found_in = (first + i) % count;
            if ((*this)[found_in].get(item)) return true;
        }
        return false;
    }
    bool get(int first, int_u4& item) {
        int found_in = 0;
        return get(first, item, found_in);
    }
    bool empty() const {
        return std::all_of(drawers_.begin(), drawers_.end(),
                           [](const iDrawer& d) { return d.empty(); });
    }
    int drawers() const { return static_cast<int>(drawers_.size()); }
    int n() const { return static_cast<int>(n_); }
    iDrawer& operator[](int i) { return drawers_[static_cast<std::size_t>(i)]; }

private:
    int_u4 n_;
    bool protect_;
    std::vector<iDrawer> drawers_;
};

}  // namespace OC
