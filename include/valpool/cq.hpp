#pragma once

#include <valpool/queue/cq.hpp>
