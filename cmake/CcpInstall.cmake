# SPDX-License-Identifier: MIT
# Install rules: library, header, CMake package, pkg-config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(CCP_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/ccp)

set(installed ccp)
set(headers ${PROJECT_SOURCE_DIR}/include/ccp.h)
if(CCP_SIM AND TARGET ccp_sim)
    list(APPEND installed ccp_sim)
    list(APPEND headers ${PROJECT_SOURCE_DIR}/include/ccp_sim.h)
endif()
install(
    TARGETS ${installed}
    EXPORT ccpTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
    INCLUDES
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT ccpTargets NAMESPACE ccp:: DESTINATION ${CCP_PACKAGE_DIR})

# Before 1.0 a minor version may change the interface.
if(PROJECT_VERSION_MAJOR EQUAL 0)
    set(compatibility SameMinorVersion)
else()
    set(compatibility SameMajorVersion)
endif()
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ccpConfigVersion.cmake
                                 COMPATIBILITY ${compatibility})
configure_package_config_file(
    ${PROJECT_SOURCE_DIR}/cmake/ccpConfig.cmake.in ${PROJECT_BINARY_DIR}/ccpConfig.cmake
    INSTALL_DESTINATION ${CCP_PACKAGE_DIR})
install(FILES ${PROJECT_BINARY_DIR}/ccpConfig.cmake ${PROJECT_BINARY_DIR}/ccpConfigVersion.cmake
        DESTINATION ${CCP_PACKAGE_DIR})

# ccp.pc finds its prefix from its own place, so that the tree may be moved.  Absolute directories
# stay as they were given.
set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(pc_prefix ${CMAKE_INSTALL_PREFIX})
    set(pc_libdir ${CMAKE_INSTALL_LIBDIR})
else()
    file(RELATIVE_PATH up /x/${pc_dir} /x)
    string(REGEX REPLACE "/$" "" up "${up}")
    set(pc_prefix "\${pcfiledir}/${up}")
    set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
    set(pc_includedir ${CMAKE_INSTALL_INCLUDEDIR})
else()
    set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
set(pc_private "${CMAKE_THREAD_LIBS_INIT}")
if(NOT CCP_ATOMICS_BUILTIN)
    string(APPEND pc_private " -latomic")
endif()
get_target_property(kind ccp TYPE)
if(kind STREQUAL "STATIC_LIBRARY")
    set(pc_libs_more " ${pc_private}")
    set(pc_private "")
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/ccp.pc.in ${PROJECT_BINARY_DIR}/ccp.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/ccp.pc DESTINATION ${pc_dir})

# Of ccp_sim: to be asked for the flags of compiling and of linking one by one, as its -fsanitize is
# for compiling alone.  Whether to have debugging information is not for such a file to say.
if("ccp_sim" IN_LIST installed)
    get_target_property(pc_sim_cflags ccp_sim INTERFACE_COMPILE_OPTIONS)
    list(REMOVE_ITEM pc_sim_cflags -g)
    get_target_property(pc_sim_libs ccp_sim INTERFACE_LINK_OPTIONS)
    string(REPLACE "LINKER:" "-Wl," pc_sim_libs "${pc_sim_libs}")
    string(REPLACE ";" " " pc_sim_libs "${pc_sim_libs} ${CMAKE_THREAD_LIBS_INIT}")
    string(REPLACE ";" " " pc_sim_cflags "${pc_sim_cflags}")
    configure_file(${PROJECT_SOURCE_DIR}/cmake/ccp_sim.pc.in ${PROJECT_BINARY_DIR}/ccp_sim.pc
                   @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/ccp_sim.pc DESTINATION ${pc_dir})
endif()
