#pragma once

#include <valpool/base/error.hpp>
