#pragma once

#include <valpool/compat/global_names.hpp>
