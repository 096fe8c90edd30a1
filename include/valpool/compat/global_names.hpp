#pragma once

/// valpool for programs written for the original library: all of it under the original's names, in
/// the global namespace and in OC, together with the system headers that the original's headers
/// included. docs/compatibility.md lists what differs and what is missing.

#include <valpool/valpool.hpp>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <pthread.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/// Declarations that only such programs use are in OC.
namespace OC {
using namespace std;
using namespace valpool;
}  // namespace OC

using namespace std;
using namespace valpool;
using namespace OC;

#define PTOOLS_BEGIN_NAMESPACE
#define PTOOLS_END_NAMESPACE
#define OC_BEGIN_NAMESPACE
#define OC_END_NAMESPACE
#define OC_NAMESPACED OC
#define OC_INLINE inline
// Programs test this to choose between two ways to convert an int_n to an integer.
#define OC_BIGINT_OUTCONVERT_AS true
// Programs for the original are usually compiled with -DOC_NEW_STYLE_INCLUDES.
#ifndef OC_NEW_STYLE_INCLUDES
#define OC_NEW_STYLE_INCLUDES
#endif

#include <valpool/compat/types.hpp>

#include <valpool/compat/iterators.hpp>
#include <valpool/compat/numbers.hpp>
