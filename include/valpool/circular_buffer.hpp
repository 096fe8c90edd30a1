#pragma once

#include <valpool/alloc/circular_buffer.hpp>
