#pragma once

#include <valpool/queue/when_full.hpp>
