#pragma once

#include <valpool/alloc/streaming_pool.hpp>
