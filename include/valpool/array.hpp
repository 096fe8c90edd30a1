#pragma once

#include <valpool/value/array.hpp>
