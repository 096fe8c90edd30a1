#pragma once

#include <valpool/queue/pipe_counters.hpp>
