# Warnings for valpool's own targets; users of the library do not inherit them. A parent project may
# have more of them, and make all its own errors; here they stay warnings then.
function(valpool_set_warnings target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor
    -Wold-style-cast -Woverloaded-virtual -Wcast-align -Wnull-dereference -Wformat=2
    $<IF:$<BOOL:${VALPOOL_WARNINGS_AS_ERRORS}>,-Werror,-Wno-error>)
endfunction()
