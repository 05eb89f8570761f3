# SPDX-License-Identifier: MIT
# The target `docs`: manual pages, and, where Doxygen is installed, the reference as HTML, both made
# of the headers.  What has been built is installed with the rest.
find_program(CCP_AWK NAMES awk gawk mawk)
find_program(CCP_DOXYGEN doxygen)
mark_as_advanced(CCP_AWK CCP_DOXYGEN)
if(NOT CCP_AWK)
    return()
endif()

set(CCP_DOCS_OUT ${PROJECT_BINARY_DIR}/docs)
set(CCP_DOCS_XML NO)
set(ccp_headers ${PROJECT_SOURCE_DIR}/include/ccp.h ${PROJECT_SOURCE_DIR}/include/ccp_sim.h)
string(TIMESTAMP ccp_date "%Y-%m-%d" UTC) # of SOURCE_DATE_EPOCH, if that is set

set(ccp_reader ${PROJECT_SOURCE_DIR}/docs/reference/header.awk)
set(ccp_man ${PROJECT_SOURCE_DIR}/docs/reference/man.awk)
add_custom_command(
    OUTPUT ${CCP_DOCS_OUT}/man/man7/ccp.7
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CCP_DOCS_OUT}/man/man3 ${CCP_DOCS_OUT}/man/man7
    COMMAND ${CCP_AWK} -v dir=${CCP_DOCS_OUT}/man -v version=${PROJECT_VERSION} -v date=${ccp_date}
            -f ${ccp_reader} -f ${ccp_man} ${ccp_headers}
    DEPENDS ${ccp_reader} ${ccp_man} ${ccp_headers}
    VERBATIM)
set(ccp_docs ${CCP_DOCS_OUT}/man/man7/ccp.7)
if(CCP_DOXYGEN)
    configure_file(${PROJECT_SOURCE_DIR}/docs/reference/Doxyfile.in ${CCP_DOCS_OUT}/Doxyfile @ONLY)
    add_custom_command(
        OUTPUT ${CCP_DOCS_OUT}/html/index.html
        COMMAND ${CCP_DOXYGEN} ${CCP_DOCS_OUT}/Doxyfile
        DEPENDS ${CCP_DOCS_OUT}/Doxyfile ${PROJECT_SOURCE_DIR}/docs/reference/doxygen.awk
                ${ccp_reader} ${ccp_headers}
        VERBATIM)
    list(APPEND ccp_docs ${CCP_DOCS_OUT}/html/index.html)
endif()
add_custom_target(docs DEPENDS ${ccp_docs})

if(CCP_INSTALL)
    install(DIRECTORY ${CCP_DOCS_OUT}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR} OPTIONAL)
    install(DIRECTORY ${CCP_DOCS_OUT}/html DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
endif()
