#pragma once

#include <valpool/base/thread.hpp>
