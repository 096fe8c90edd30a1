# Sanitizers have to cover every target that is linked together, so they are set for all of ours.
if(VALPOOL_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(VALPOOL_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(VALPOOL_SANITIZE STREQUAL "fuzz")
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
elseif(VALPOOL_SANITIZE)
  message(FATAL_ERROR "VALPOOL_SANITIZE is '${VALPOOL_SANITIZE}': neither address nor thread nor fuzz")
endif()
