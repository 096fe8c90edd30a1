// Macros of X11 (except None, which is refused), Qt and others do no harm when they come before
// valpool's headers. This compiles.
#include <complex.h>
#include <sys/param.h>
#include <sys/sysmacros.h>

#define Bool int
#define Status int
#define True 1
#define False 0
#define Success 0
#define Always 2
#define Never 0
#define Above 0
#define Below 1
#define Complex 0
#define Convex 2
#define Unsorted 0
#define CurrentTime 0L
#define ParentRelative 1L
#define CopyFromParent 0L
#define AllTemporary 0L
#define NoSymbol 0L
#define ControlMask (1 << 2)
#define KeyPress 2
#define GrayScale 1
#define Yes 1
#define No 0
#define emit
#define slots
#define signals public
#define foreach for
#define forever for (;;)

#include <valpool/valpool.hpp>

int main() {
    valpool::Val v = valpool::Tab{{"a", 1}};
    for (auto& [key, value] : static_cast<valpool::Tab&>(v)) value = key;
    return v["a"] == "a" ? 0 : 1;
}
