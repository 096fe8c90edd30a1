#pragma once

#include <valpool/queue/wait_any.hpp>
