# SPDX-License-Identifier: MIT
# An overlay port: it builds the tree that it is in.  A port of the registry would have
# vcpkg_from_github() or vcpkg_from_git() here, with the hash of a release.
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS -DCCP_TESTS=OFF -DCCP_EXAMPLES=OFF -DCCP_BENCH=OFF -DCCP_SIM=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME ccp CONFIG_PATH lib/cmake/ccp)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
