# SPDX-License-Identifier: MIT
# cmake -DPROGRAM=... -DEXPECTED=file -P compare.cmake: runs PROGRAM; its output must be the file's
# text and its exit status 0.
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE got ERROR_VARIABLE err RESULT_VARIABLE status)
file(READ ${EXPECTED} want)
if(NOT status STREQUAL "0" OR NOT got STREQUAL want)
    message(FATAL_ERROR "exit status ${status}\n--- expected\n${want}"
                        "--- got\n${got}--- stderr\n${err}")
endif()
