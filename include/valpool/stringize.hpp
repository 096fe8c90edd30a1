#pragma once

#include <valpool/value/stringize.hpp>
