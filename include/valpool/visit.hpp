#pragma once

#include <valpool/value/visit.hpp>
