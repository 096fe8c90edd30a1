#pragma once

#include <valpool/compat/ocserialize.h>
