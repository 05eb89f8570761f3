# SPDX-License-Identifier: MIT
# cmocka_link, cmocka_include: what a test needs to use cmocka.
find_package(cmocka QUIET)
if(TARGET cmocka::cmocka)
    set(cmocka_link cmocka::cmocka)
elseif(CMOCKA_LIBRARIES)
    set(cmocka_link ${CMOCKA_LIBRARIES})
    set(cmocka_include ${CMOCKA_INCLUDE_DIR})
else()
    find_package(PkgConfig QUIET)
    if(PKG_CONFIG_FOUND)
        pkg_check_modules(CMOCKA_PC QUIET IMPORTED_TARGET cmocka)
    endif()
    if(NOT TARGET PkgConfig::CMOCKA_PC)
        message(FATAL_ERROR "the unit tests need cmocka (Debian: libcmocka-dev); "
                            "-DCCP_TESTS=OFF builds without tests")
    endif()
    set(cmocka_link PkgConfig::CMOCKA_PC)
endif()
