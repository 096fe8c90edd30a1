#pragma once

#include <valpool/segment/shared_memory.hpp>
