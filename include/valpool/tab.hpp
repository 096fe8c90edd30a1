#pragma once

#include <valpool/value/tab.hpp>
