#pragma once

#include <valpool/value/parse.hpp>
