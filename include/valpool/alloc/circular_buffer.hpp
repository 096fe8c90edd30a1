#pragma once

/// A ring buffer in the memory of one process.

#include <valpool/alloc/streaming_pool.hpp>

#include <boost/circular_buffer.hpp>

#include <cstddef>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>

namespace valpool {

/// A FIFO queue with a capacity; an infinite one doubles its capacity when it is full.
/// Throws std::runtime_error when an operation finds it full or empty, std::logic_error for a
/// capacity below 1.
/// Thread safety: as for a standard container (see CQ for a queue between threads).
template <class T>
class CircularBuffer {
public:
    explicit CircularBuffer(int initial_capacity = 4, bool infinite = false,
                            Allocator* pool = nullptr)
        : items_(checked(initial_capacity)), infinite_(infinite) {
        if (pool) throw std::logic_error("CircularBuffer: use a CQ for a queue in a pool");
    }

    CircularBuffer(const CircularBuffer& other) = default;
    /// Leaves `other` empty, with the same capacity.
    CircularBuffer(CircularBuffer&& other) noexcept
        : items_(other.capacity()), infinite_(other.infinite_) {
        items_.swap(other.items_);
    }
    CircularBuffer& operator=(const CircularBuffer& other) = default;
    CircularBuffer& operator=(CircularBuffer&& other) noexcept {
        CircularBuffer taken(std::move(other));
        swap(taken);
        return *this;
    }
    ~CircularBuffer() = default;

    /// Returns the element in the ring.
    T& put(const T& item) {
        T copy(item);  // first: `item` may lie in this ring, and make_room moves its elements
        make_room();
        items_.push_back(std::move(copy));
        return items_.back();
    }
    T get() {
        check_not_empty("get");
        T item = std::move(items_.front());
        items_.pop_front();
        return item;
    }
    /// The n-th element from the front, from 0 on. It stays in the ring.
    const T& peek(std::size_t n = 0) const {
        if (n >= length()) throw std::runtime_error("CircularBuffer: peek beyond the end");
        return items_[n];
    }
    /// Removes the first n elements.
    void consume(std::size_t n) {
        if (n > length()) throw std::runtime_error("CircularBuffer: consume beyond the end");
        items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(n));
    }
    /// Puts the item at the front, so that get() returns it next. Returns the element in the ring.
    T& pushback(const T& item) {
        T copy(item);
        make_room();
        items_.push_front(std::move(copy));
        return items_.front();
    }
    /// Removes the last element and returns it.
    T drop() {
        check_not_empty("drop");
        T item = std::move(items_.back());
        items_.pop_back();
        return item;
    }
    void clear() { items_.clear(); }
    /// As operator<<.
    std::ostream& print(std::ostream& out) const {
        for (const T& item : items_) out << item << ' ';
        return out << '\n';
    }
    void swap(CircularBuffer& other) noexcept {
        items_.swap(other.items_);
        std::swap(infinite_, other.infinite_);
    }

    bool empty() const noexcept { return items_.empty(); }
    /// Whether the capacity is used up: the next item does not fit, or makes an infinite ring grow.
    bool full() const noexcept { return items_.full(); }
    bool infinite() const noexcept { return infinite_; }
    std::size_t capacity() const noexcept { return items_.capacity(); }
    std::size_t length() const noexcept { return items_.size(); }

private:
    /// Allocates memory only as it is needed, so a generous capacity costs nothing.
    using ring = boost::circular_buffer_space_optimized<T>;

    static std::size_t checked(int capacity) {
        if (capacity < 1)
            throw std::logic_error("CircularBuffer: the capacity must be at least 1, not " +
                                   std::to_string(capacity));
        return static_cast<std::size_t>(capacity);
    }
    void check_not_empty(const char* what) const {
        if (empty())
            throw std::runtime_error(std::string("CircularBuffer: ") + what +
                                     " on an empty buffer");
    }
    void make_room() {
        if (!full()) return;
        if (!infinite_) throw std::runtime_error("CircularBuffer: the buffer is full");
        items_.set_capacity(2 * capacity());
    }

    ring items_;
    bool infinite_;
};

/// The elements, each followed by a space, then a newline: "a b \n".
template <class T>
std::ostream& operator<<(std::ostream& out, const CircularBuffer<T>& buffer) {
    return buffer.print(out);
}

}  // namespace valpool
