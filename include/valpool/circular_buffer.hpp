#pragma once

/// A ring of things in one process's memory.

#include <valpool/streaming_pool.hpp>

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace valpool {

/// First in, first out, with a capacity; an infinite one doubles its capacity when it is full.
/// Throws std::runtime_error on full and on empty, std::logic_error for a capacity below 1.
/// Thread safety: as for a standard container (see CQ for a queue between threads).
template <class T>
class CircularBuffer {
public:
    explicit CircularBuffer(int initial_capacity = 4, bool infinite = false,
                            Allocator* pool = nullptr)
        : capacity_(static_cast<std::size_t>(initial_capacity)), infinite_(infinite) {
        if (initial_capacity < 1)
            throw std::logic_error("CircularBuffer: a capacity of " +
                                   std::to_string(initial_capacity));
        if (pool) throw std::logic_error("CircularBuffer: use a CQ for a queue in a pool");
    }

    CircularBuffer(const CircularBuffer& other) = default;
    /// The other is empty then, with its capacity.
    CircularBuffer(CircularBuffer&& other) noexcept
        : capacity_(other.capacity_), infinite_(other.infinite_) {
        take_items_of(other);
    }
    CircularBuffer& operator=(const CircularBuffer& other) = default;
    CircularBuffer& operator=(CircularBuffer&& other) noexcept {
        if (this == &other) return *this;
        take_items_of(other);
        capacity_ = other.capacity_;
        infinite_ = other.infinite_;
        return *this;
    }
    ~CircularBuffer() = default;

    /// Returns what is in the ring then.
    T& put(const T& item) {
        T copy(item);  // it may be one of the ring's own, which making room moves
        make_room();
        T& place = items_[index(count_)];
        place = std::move(copy);
        ++count_;
        return place;
    }
    T get() {
        check_not_empty("get");
        T item = std::move(items_[first_]);
        drop_first();
        return item;
    }
    /// The n-th from the front, which stays.
    const T& peek(std::size_t n = 0) const {
        if (n >= count_) throw std::runtime_error("CircularBuffer: peek beyond the end");
        return items_[index(n)];
    }
    /// Drops n from the front.
    void consume(std::size_t n) {
        if (n > count_) throw std::runtime_error("CircularBuffer: consume beyond the end");
        while (n-- > 0) drop_first();
    }
    /// To the front: what get() returns next. Returns it, as it is in the ring then.
    T& pushback(const T& item) {
        T copy(item);
        make_room();
        first_ = (first_ + items_.size() - 1) % items_.size();
        items_[first_] = std::move(copy);
        ++count_;
        return items_[first_];
    }
    /// Drops the last one, and returns it.
    T drop() {
        check_not_empty("drop");
        T item = std::move(items_[index(count_ - 1)]);
        --count_;
        items_[index(count_)] = T();
        return item;
    }
    void clear() { consume(count_); }
    /// As operator<<.
    std::ostream& print(std::ostream& out) const {
        for (std::size_t i = 0; i < count_; ++i) out << peek(i) << ' ';
        return out << '\n';
    }
    void swap(CircularBuffer& other) noexcept {
        items_.swap(other.items_);
        std::swap(first_, other.first_);
        std::swap(count_, other.count_);
        std::swap(capacity_, other.capacity_);
        std::swap(infinite_, other.infinite_);
    }

    bool empty() const noexcept { return count_ == 0; }
    /// As many as the capacity: the next one that comes does not fit, or makes an infinite one
    /// grow.
    bool full() const noexcept { return count_ == capacity_; }
    bool infinite() const noexcept { return infinite_; }
    std::size_t capacity() const noexcept { return capacity_; }
    std::size_t length() const noexcept { return count_; }

private:
    void take_items_of(CircularBuffer& other) noexcept {
        items_ = std::exchange(other.items_, std::vector<T>());
        first_ = std::exchange(other.first_, 0);
        count_ = std::exchange(other.count_, 0);
    }
    std::size_t index(std::size_t n) const noexcept { return (first_ + n) % items_.size(); }
    void check_not_empty(const char* what) const {
        if (count_ == 0)
            throw std::runtime_error(std::string("CircularBuffer: ") + what + " from an empty one");
    }
    void drop_first() {
        items_[first_] = T();
        first_ = (first_ + 1) % items_.size();
        --count_;
    }
    void make_room() {
        if (count_ < items_.size()) return;
        const bool is_at_capacity = count_ == capacity_;
        if (is_at_capacity && !infinite_) throw std::runtime_error("CircularBuffer: it is full");
        const std::size_t capacity = is_at_capacity ? 2 * capacity_ : capacity_;
        std::vector<T> larger(std::min(capacity, std::max<std::size_t>(4, 2 * count_)));
        for (std::size_t i = 0; i < count_; ++i) larger[i] = std::move(items_[index(i)]);
        items_.swap(larger);
        first_ = 0;
        capacity_ = capacity;
    }

    std::vector<T> items_;  // as many as were needed so far, at most the capacity
    std::size_t first_ = 0;
    std::size_t count_ = 0;
    std::size_t capacity_;
    bool infinite_;
};

/// "a b " and a newline.
template <class T>
std::ostream& operator<<(std::ostream& out, const CircularBuffer<T>& buffer) {
    return buffer.print(out);
}

}  // namespace valpool
