#pragma once

/// valpool for programs written for the original library: everything under its names, in the global
/// namespace, together with what its headers pulled in.

#include <valpool/valpool.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

using namespace std;
using namespace valpool;

#define PTOOLS_BEGIN_NAMESPACE
#define PTOOLS_END_NAMESPACE
#define OC_BEGIN_NAMESPACE
#define OC_END_NAMESPACE
